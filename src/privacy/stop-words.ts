/** What somebody wants who says such a word. */
export type StopWish = 'stop' | 'resume'

/**
 * Words by which people say that they want no more of it, and that they do again. A message counts only where it is such
 * a word and nothing else: "stop by tomorrow" is none, and whoever says more is read by a person. To start again takes a
 * word that can mean nothing else: "voltar" and "anmelden" stand in menus, and every chat with a bot begins by "/start".
 *
 * Sources: the keywords that US carriers and gateways must obey (CTIA Messaging Principles and Best Practices §5.1.3; 47
 * CFR 64.1200(a)(10): stop, quit, end, revoke, opt out, cancel, unsubscribe); Canada's CWTA (STOP, ARRET); France's
 * CNIL and AFMM (STOP); Germany, Austria, Switzerland (STOP, STOPP); Spain and Latin America (BAJA, ALTO; Mexico's and
 * Argentina's gateways); Brazil's Anatel (SAIR, PARAR); the unsubscribe words of Japanese mail law notices (配信停止),
 * of China's Provisions on Short Messages (退订, TD, T), of Korea's 정보통신망법 art. 50 (수신거부).
 */
const words: Readonly<Record<StopWish, readonly string[]>> = {
  stop: [
    // English, and understood nearly everywhere
    ...[
      'stop',
      'stopall',
      'stop all',
      'unsubscribe',
      'cancel',
      'end',
      'quit',
      'revoke',
      'opt out',
      'optout',
      'opt-out',
    ],
    // French
    ...['arrêt', 'arret', 'arrêter', 'arreter', 'désabonner', 'desabonner', 'désabonnement', 'se désabonner'],
    ...['désinscription', 'desinscription', 'désinscrire'],
    // Spanish
    ...['baja', 'alto', 'parar', 'cancelar', 'darme de baja', 'detener', 'no más', 'no mas'],
    // Portuguese
    ...['sair', 'pare', 'descadastrar', 'cancelar inscrição', 'remover'],
    // German
    ...['stopp', 'abmelden', 'abbestellen', 'austragen'],
    // Italian
    ...['ferma', 'cancellami', 'disiscrivi', 'annulla iscrizione', 'basta'],
    // Dutch, Danish, Norwegian, Swedish, Finnish
    ...[
      'afmelden',
      'uitschrijven',
      'afmeld',
      'frameld',
      'meld av',
      'avmeld',
      'avsluta',
      'avregistrera',
      'lopeta',
      'peru',
    ],
    // Polish, Czech, Slovak, Hungarian, Romanian
    ...['wypisz', 'rezygnuję', 'rezygnuje', 'odhlásit', 'odhlasit', 'zrušit', 'odhlásiť', 'leiratkozás', 'leállít'],
    ...['dezabonare', 'dezabonează'],
    // Russian, Ukrainian, Bulgarian, Greek, Turkish
    ...[
      'стоп',
      'отписаться',
      'отписка',
      'відписатися',
      'спри',
      'διακοπή',
      'διαγραφή',
      'dur',
      'iptal',
      'ret',
      'abonelikten çık',
    ],
    // Arabic, Hebrew, Persian, Urdu
    ...[
      'توقف',
      'إلغاء',
      'الغاء',
      'إيقاف',
      'ايقاف',
      'إلغاء الاشتراك',
      'الغاء الاشتراك',
      'הסר',
      'הסרה',
      'עצור',
      'لغو',
      'بند',
    ],
    // Hindi, Bengali
    ...['रोकें', 'बंद करें', 'बंद', 'বন্ধ'],
    // Chinese
    ...['停止', '退订', '退訂', '取消订阅', '取消訂閱', 'td', '停止接收'],
    // Japanese, Korean
    ...['配信停止', '配信解除', '購読解除', '解除', '수신거부', '수신 거부', '중지', '구독취소', '구독 취소'],
    // Thai, Vietnamese, Indonesian, Malay, Filipino
    ...[
      'หยุด',
      'ยกเลิก',
      'ยกเลิกการรับข่าวสาร',
      'hủy',
      'huỷ',
      'dừng',
      'tu choi',
      'từ chối',
      'berhenti',
      'henti',
      'batal',
      'itigil',
    ],
  ],
  resume: [
    ...['start', 'unstop', 'subscribe', 'resubscribe', 'opt in', 'optin', 'opt-in'],
    ...["s'abonner", 'réabonner', 'suscribir', 'suscribirme', 'iscrivimi', 'подписаться'],
    ...['اشتراك', '订阅', '訂閱', '配信再開', '配信希望', '수신동의'],
  ],
}

/** Case, width, accents as marks of their own, and what stands around a single word, say nothing. */
const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/\p{Cf}|\ufe0f/gu, '')
    .replaceAll(/^[\s\p{P}]+|[\s\p{P}]+$/gu, '')
    .replaceAll(/\s+/g, ' ')

const states: ReadonlyMap<string, StopWish> = new Map(
  (['stop', 'resume'] as const).flatMap((state) => words[state].map((word) => [plain(word), state] as const)),
)

/** Longer than any of the words. */
const lengthMax = 60

/** What a button can be called that is there to say stop; "Cancel", "End" and "Salir" mean other things on a menu. */
const buttons: ReadonlySet<string> = new Set(
  [
    ...['stop', 'stopall', 'stop all', 'unsubscribe', 'opt out', 'optout', 'opt-out', 'stop promotions'],
    ...['désabonner', 'se désabonner', 'arrêter les promotions', 'darme de baja', 'cancelar inscrição', 'descadastrar'],
    ...[
      'abbestellen',
      'disiscrivi',
      'uitschrijven',
      'отписаться',
      'إلغاء الاشتراك',
      '退订',
      '退訂',
      '配信停止',
      '수신거부',
    ],
  ].map(plain),
)

/** What somebody wants who writes just this; null where it is not such a word. A bot's commands are as its buttons are. */
export function stopWord(text: string): StopWish | null {
  if (text.length > lengthMax) return null
  if (text.trimStart().startsWith('/')) return stopButton(text)
  return states.get(plain(text)) ?? null
}

/** The same of somebody who presses a button of this name: nobody starts again by one. */
export function stopButton(text: string): StopWish | null {
  return text.length <= lengthMax && buttons.has(plain(text)) ? 'stop' : null
}
