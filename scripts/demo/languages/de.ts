import type { Language } from './language.ts'

export const de: Language = {
  tag: 'de',
  given:
    'Anna Lukas Sophie Jonas Marie Felix Lena Paul Jürgen Käthe Björn Greta Moritz Heike Stefan Jörg Ulrike Sebastian Änne Tobias',
  family:
    'Müller Schmidt Schneider Fischer Weber Schäfer Becker Köhler Krüger Böhm Vogel Groß Jäger Lüdtke Neumann Schwarz Hoffmann Wölfle Zimmermann Kühn',
  name: '{given} {family}',
  companies: ['{family} GmbH', '{family} & Söhne KG', 'Kaffeehaus {family}', 'Einrichtungen {family}'],
  jobs: ['Einkäuferin', 'Geschäftsführer', 'Filialleiterin', 'Buchhalter'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Lieferung der Bestellung {order}',
      lines: [
        '< Guten Tag, wann kommt meine Bestellung {order} an?',
        '> Guten Tag, Ihr Paket ist unterwegs und soll am {day} bei Ihnen sein.',
        '< Danke! Kann ich es auch an eine Packstation schicken lassen?',
        '> Ja, über den Link in der Versandmail können Sie den Ort noch ändern.',
        '< Perfekt, das hat geklappt.',
      ],
    },
    {
      topic: 'price',
      subject: 'Angebot für {qty} × {item}',
      lines: [
        '< Was kosten {qty} Stück {item} inklusive Versand?',
        '> Für {qty} Stück {item} können wir Ihnen {price} anbieten, frei Haus.',
        '< Ist bei der Menge noch etwas am Preis zu machen?',
        '> Ab 100 Stück geben wir 5 % Rabatt. Soll ich das Angebot schicken?',
        '< Ja bitte, an meine E-Mail-Adresse.',
        '> Ist unterwegs. Es gilt 14 Tage.',
      ],
    },
    {
      topic: 'return',
      subject: 'Rücksendung {order}',
      lines: [
        '< Mein {item} ist leider zerkratzt angekommen. Was nun?',
        '> Das tut mir leid. Können Sie uns bitte ein Foto schicken?',
        '< Habe ich gerade gemacht. Ich hätte lieber Ersatz als das Geld zurück.',
        '> Der Ersatz geht heute raus, das Rücksendeetikett liegt bei.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Rechnung zu {order}',
      lines: [
        '< Ich brauche die Rechnung zu {order} noch einmal, mit unserer USt-IdNr.',
        '> Gern. Wie lautet die Nummer?',
        '< Schicke ich gleich. Und bitte auf die Firma ausstellen.',
        '> Die korrigierte Rechnung ist in Ihrem Postfach.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Verfügbarkeit {item}',
      lines: [
        '< Ist {item} wieder lieferbar?',
        '> Die nächste Lieferung erwarten wir am {day}. Soll ich Ihnen etwas zurücklegen?',
        '< Ja, zwei bitte.',
        '> Beide sind für Sie reserviert.',
      ],
    },
    {
      topic: 'change',
      subject: 'Andere Lieferadresse für {order}',
      lines: [
        '< Kann ich bei der Bestellung {order} noch die Adresse ändern?',
        '> Sie ist noch nicht verpackt, das geht. Wohin soll sie?',
        '< Ins Büro, die Anschrift kommt gleich.',
        '> Geändert. Sie bekommen eine neue Bestätigung.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Händleranfrage {item}',
      lines: [
        '< Wir haben drei Läden und würden {item} gern ins Sortiment nehmen.',
        '> Das freut uns. Welche Menge planen Sie im Monat?',
        '< Etwa {qty} Stück zum Start.',
        '> Dann rufe ich Sie morgen mit unserer Händlerpreisliste an.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Keine Antwort zu {order}',
      lines: [
        '< Seit einer Woche antwortet mir niemand wegen {order}. So geht das nicht.',
        '> Bitte entschuldigen Sie. Ich kümmere mich jetzt selbst darum und melde mich heute noch.',
        '< Gut, ich warte bis heute Abend.',
        '> Das Paket hing beim Zoll, seit heute ist es frei.',
        '< Danke, dass Sie sich gekümmert haben.',
      ],
    },
  ],
}
