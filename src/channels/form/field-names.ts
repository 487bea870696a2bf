import type { FormTarget } from './settings.ts'

/** `name` is the whole name, unless another field asks for the family name: then it is the given one. */
type Guess = Exclude<FormTarget, `customFields.${string}` | 'ignore' | 'consent.marketing' | 'intent'> | 'name'

/** How fields are called, in the languages of the countries served; without accents, blanks and capitals. */
const words: Readonly<Record<Guess, string>> = {
  email:
    'email mail emailaddress mailaddress emailadresse mailadresse correo correoelectronico direcciondecorreo courriel adressemail adresseemail adressedecourriel eposta epost epostadress indirizzoemail posta postaelettronica emailadres adresemail adrespocztyelektronicznej メール メールアドレス eメール 邮箱 电子邮箱 电子邮件 邮件 電子郵件 電郵 이메일 메일 почта электроннаяпочта имейл البريدالإلكتروني البريد ايميل דואל אימייל อีเมล อเมล ईमेल',
  phone:
    'phone telephone tel phonenumber telephonenumber mobile mobilephone mobilenumber cell cellphone cellnumber whatsapp whatsappnumber telefon telefonnummer telnr handy handynummer mobil mobilnummer mobiltelefon rufnummer telefono numerodetelefono telefonomovil movil celular telefone telemovel numerotelefone portable numerodetelephone telephoneportable cellulare numeroditelefono telefoonnummer telefoon gsm numertelefonu komorka puhelin puhelinnumero telefonnumaras telefonnumarasi ceptelefonu τηλεφωνο телефон номертелефона мобильный هاتف رقمالهاتف الجوال טלפון נייד โทรศพท เบอรโทร เบอร์โทร เบอร์โทรศัพท์ 電話 電話番号 携帯電話 电话 手机 手机号 手机号码 电话号码 電話號碼 手機 전화 전화번호 휴대폰 휴대전화 dienthoai sodienthoai फोन',
  displayName:
    'fullname completename yourfullname vollstandigername vorundnachname vornameundnachname vorundzuname nomcomplet nometprenom prenometnom nombrecompleto nombreyapellidos nombreyapellido nomecompleto nomeecognome nomecognome volledigenaam imieinazwisko adsoyad adinizsoyadiniz ονοματεπωνυμο фио имяифамилия полноеимя 氏名 お名前 姓名 전체이름 성명 성함 hovaten hoten الاسمالكامل ชอนามสกล ชื่อนามสกุล',
  name: 'name naam nombre nome imie isim adiniz имя όνομα ονομα 名前 名字 이름 الاسم שם ชื่อ ชอ नाम ten',
  givenName:
    'firstname fname givenname forename vorname prenom primernombre nombres voornaam fornavn fornamn etunimi imię krstniime keresztnev prenume ad nomedebatismo primeironome 名 firstnames الاسمالأول שםפרטי',
  familyName:
    'lastname lname surname familyname secondname nachname familienname zuname nomdefamille apellido apellidos cognome sobrenome apelido achternaam nazwisko efternavn efternamn etternavn sukunimi soyad soyadi soyadiniz prijmeni επωνυμο фамилия 姓 名字姓 苗字 성 اسمالعائلة اللقب שםמשפחה นามสกล นามสกุล ho',
  company:
    'company companyname organisation organization organisationname organizationname business businessname employer firma firmenname unternehmen betrieb empresa nombredelaempresa compania societe entreprise nomdelentreprise azienda societa nomeazienda bedrijf bedrijfsnaam organisatie firmy nazwafirmy foretag virksomhed yritys sirket sirketadi εταιρεια компания организация 会社 会社名 貴社名 公司 公司名称 회사 회사명 congty شركة اسمالشركة חברה บรษท บริษัท',
  jobTitle:
    'jobtitle job position jobrole occupation profession beruf berufsbezeichnung funktion stelle cargo puesto ocupacion poste fonction profession professione ruolo posizione functie beroep stanowisko zawod gorev unvan должность 役職 職業 职位 职务 직책 직함',
  country:
    'country countryname countryregion land staat pais nazione paese paesi kraj zeme orszag ulke χωρα страна 国 国名 国家 國家 국가 나라 quocgia الدولة البلد מדינה ประเทศ देश',
  language: 'language preferredlanguage sprache langue idioma lingua taal jezyk dil язык 言語 语言 언어',
  timezone: 'timezone zeitzone',
}

const guesses: readonly Guess[] = [
  'email',
  'phone',
  'displayName',
  'name',
  'givenName',
  'familyName',
  'company',
  'jobTitle',
  'country',
  'language',
  'timezone',
]

const byWord: ReadonlyMap<string, Guess> = new Map(
  guesses.flatMap((guess) => words[guess].split(' ').map((word): [string, Guess] => [plain(word), guess])),
)

/** Words around the one that matters: "your-email", "fields[email]", "What is your first name?", "E-Mail *". */
const fillers: ReadonlySet<string> = new Set(
  'your you the my our a an what whats is s please enter type tell us me provide best valid field fields form forms input contact customer user client person visitor lead billing wpforms data q required optional address1 ihr ihre ihren dein deine wie lautet bitte geben sie ein an ist votre vos ta ton quel quelle est le la les un une su tu cual es el por favor il tuo la tua suo sua qual e seu uw je twoj twoje podaj of de del di da do'.split(
    ' ',
  ),
)

function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}

const nameLengthMax = 80

/** What a field is for, by its name or label; undefined where that does not tell. Long questions are not guessed at. */
export function guessOf(name: string): Guess | undefined {
  if (name.length > nameLengthMax) return undefined
  const exact = byWord.get(plain(name))
  if (exact !== undefined) return exact
  const parts = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .map(plain)
    .filter((word) => word !== '' && !fillers.has(word) && !/^\d+$/.test(word))
  return parts.length === 0 ? undefined : byWord.get(parts.join(''))
}
