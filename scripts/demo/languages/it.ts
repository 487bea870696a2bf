import type { Language } from './language.ts'

export const it: Language = {
  tag: 'it',
  given:
    'Giulia Lorenzo Aurora Matteo Chiara Niccolò Martina Davide Elisa Pietro Francesca Gabriele Alice Simone Bianca Tommaso Serena Dario Noemi Ettore',
  family:
    'Rossi Bianchi Ferrari Romano Colombo Ricci Marino Greco Conti D’Angelo Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi',
  name: '{given} {family}',
  companies: ['{family} S.r.l.', 'Casa {family}', 'Fratelli {family}', 'Bottega {family}'],
  jobs: ['Responsabile acquisti', 'Titolare', 'Direttrice di negozio', 'Contabile'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Consegna dell’ordine {order}',
      lines: [
        '< Buongiorno, quando arriva il mio ordine {order}?',
        '> Buongiorno, il pacco è in viaggio e dovrebbe arrivare il {day}.',
        '< Non sarò in casa. Si può lasciare in un punto di ritiro?',
        '> Sì, con il link nell’email di spedizione può scegliere il punto.',
        '< Fatto, grazie mille.',
      ],
    },
    {
      topic: 'price',
      subject: 'Preventivo per {qty} × {item}',
      lines: [
        '< Quanto costano {qty} pezzi di {item}, spedizione compresa?',
        '> Per {qty} pezzi di {item} possiamo offrirle {price}, consegna inclusa.',
        '< Con questa quantità si può fare qualcosa sul prezzo?',
        '> Da 100 pezzi facciamo il 5% di sconto. Le mando il preventivo?',
        '< Sì, via email, grazie.',
        '> Inviato. Vale 14 giorni.',
      ],
    },
    {
      topic: 'return',
      subject: 'Reso dell’ordine {order}',
      lines: [
        '< Il mio {item} è arrivato graffiato. Cosa faccio?',
        '> Mi dispiace molto. Può mandarci una foto?',
        '< L’ho appena mandata. Preferisco la sostituzione al rimborso.',
        '> Il nuovo parte oggi, con l’etichetta per il reso nella scatola.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Fattura di {order}',
      lines: [
        '< Mi serve di nuovo la fattura di {order}, con la nostra partita IVA.',
        '> Certamente. Qual è il numero?',
        '< Glielo mando subito. Intestata alla società, per favore.',
        '> La fattura corretta è nella sua casella.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Disponibilità di {item}',
      lines: [
        '< {item} è di nuovo disponibile?',
        '> Il prossimo arrivo è il {day}. Gliene metto da parte uno?',
        '< Due, per favore.',
        '> Sono entrambi riservati a suo nome.',
      ],
    },
    {
      topic: 'change',
      subject: 'Cambio indirizzo per {order}',
      lines: [
        '< Posso ancora cambiare l’indirizzo dell’ordine {order}?',
        '> Non è ancora imballato, quindi sì. Dove lo spediamo?',
        '< In ufficio, le mando l’indirizzo.',
        '> Fatto. Riceverà una nuova conferma.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Richiesta rivenditore: {item}',
      lines: [
        '< Abbiamo tre negozi e vorremmo vendere {item}.',
        '> Ci fa piacere. Che quantità prevedete al mese?',
        '< Circa {qty} pezzi per cominciare.',
        '> La chiamo domani con il listino rivenditori.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Nessuna risposta su {order}',
      lines: [
        '< Aspetto da una settimana una risposta su {order}. Così non va.',
        '> Mi scuso. Me ne occupo di persona e la ricontatto oggi stesso.',
        '< Va bene, aspetto fino a stasera.',
        '> Il pacco era fermo in dogana; è stato sbloccato stamattina.',
        '< Grazie per l’interessamento.',
      ],
    },
  ],
}
