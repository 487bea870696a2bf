import type { Language } from './language.ts'

export const pl: Language = {
  tag: 'pl',
  given:
    'Zofia Jakub Małgorzata Łukasz Agnieszka Paweł Żaneta Wojciech Kinga Mateusz Świętosława Rafał Katarzyna Michał Ewa Grzegorz Danuta Błażej Iwona Stanisław',
  family:
    'Nowak Wójcik Mazur Krawczyk Dąbrowska Zając Król Wróbel Jabłoński Pawlak Sikora Baran Duda Szewczyk Gałązka Żak Stępień Lis Bąk Kołodziej',
  name: '{given} {family}',
  companies: ['{family} sp. z o.o.', 'Kawiarnia {family}', 'Sklep {family}', 'Hurtownia {family}'],
  jobs: ['Kupiec', 'Właściciel', 'Kierowniczka sklepu', 'Księgowa'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Dostawa zamówienia {order}',
      lines: [
        '< Dzień dobry, kiedy dotrze moje zamówienie {order}?',
        '> Dzień dobry, paczka jest w drodze i powinna dotrzeć {day}.',
        '< Nie będzie mnie w domu. Czy można do paczkomatu?',
        '> Tak, link w mailu o wysyłce pozwala wybrać paczkomat.',
        '< Udało się, dziękuję.',
      ],
    },
    {
      topic: 'price',
      subject: 'Oferta na {qty} × {item}',
      lines: [
        '< Ile kosztuje {qty} sztuk {item} razem z dostawą?',
        '> Za {qty} sztuk {item} możemy zaproponować {price} z dostawą.',
        '< Czy przy tej ilości da się coś zejść z ceny?',
        '> Od 100 sztuk dajemy 5% rabatu. Wysłać ofertę?',
        '< Tak, proszę na maila.',
        '> Wysłane. Oferta jest ważna 14 dni.',
      ],
    },
    {
      topic: 'return',
      subject: 'Zwrot zamówienia {order}',
      lines: [
        '< Mój {item} przyszedł porysowany. Co teraz?',
        '> Bardzo przepraszam. Czy może Pan/Pani przesłać zdjęcie?',
        '< Właśnie wysłałem. Wolę wymianę niż zwrot pieniędzy.',
        '> Nowy wychodzi dziś, etykieta zwrotna jest w środku.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Faktura do {order}',
      lines: [
        '< Potrzebuję jeszcze raz faktury do {order}, z naszym numerem NIP.',
        '> Oczywiście. Jaki to numer?',
        '< Zaraz podam. Proszę wystawić na firmę.',
        '> Poprawiona faktura jest w Państwa skrzynce.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Dostępność {item}',
      lines: [
        '< Czy {item} jest znowu dostępny?',
        '> Następna dostawa będzie {day}. Odłożyć jeden?',
        '< Poproszę dwa.',
        '> Oba są zarezerwowane.',
      ],
    },
    {
      topic: 'change',
      subject: 'Zmiana adresu {order}',
      lines: [
        '< Czy mogę jeszcze zmienić adres zamówienia {order}?',
        '> Nie jest jeszcze spakowane, więc tak. Dokąd wysłać?',
        '< Do biura, zaraz podam adres.',
        '> Zmienione. Przyjdzie nowe potwierdzenie.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Zapytanie hurtowe: {item}',
      lines: [
        '< Mamy trzy sklepy i chcielibyśmy sprzedawać {item}.',
        '> Bardzo nas to cieszy. Jaka ilość miesięcznie?',
        '< Na początek około {qty} sztuk.',
        '> Zadzwonię jutro z cennikiem hurtowym.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Brak odpowiedzi w sprawie {order}',
      lines: [
        '< Od tygodnia czekam na odpowiedź w sprawie {order}. Tak nie można.',
        '> Przepraszam. Zajmę się tym osobiście i odezwę się jeszcze dziś.',
        '< Dobrze, czekam do wieczora.',
        '> Paczka utknęła w odprawie celnej, dziś rano została zwolniona.',
        '< Dziękuję za pomoc.',
      ],
    },
  ],
}
