import type { Language } from './language.ts'

export const en: Language = {
  tag: 'en',
  given:
    'Olivia James Amelia Noah Grace Henry Chloe Oscar Emily Jack Aoife Callum Imani Ethan Ruby Marcus Priya Dylan Zoe Samuel',
  family:
    'Smith Taylor Brown Wilson Evans Walker Wright Thompson Hughes Edwards O’Connor Campbell Mitchell Carter Bennett Murphy Reid Foster Hayes Ellis',
  name: '{given} {family}',
  companies: ['{family} & Co', '{family} Home Ltd', 'The {family} Store', '{family} Supplies'],
  jobs: ['Buyer', 'Store manager', 'Founder', 'Accounts clerk'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Delivery of order {order}',
      lines: [
        '< Hi, when will my order {order} arrive?',
        '> Hello! It is on its way and should be with you on {day}.',
        '< Nobody is home that day. Can a neighbour take it?',
        '> Yes, use the link in the dispatch email to choose a safe place.',
        '< Done, thanks a lot.',
      ],
    },
    {
      topic: 'price',
      subject: 'Quote for {qty} × {item}',
      lines: [
        '< What would {qty} of the {item} cost, shipping included?',
        '> For {qty} of the {item} we can offer {price}, delivered.',
        '< Is there any room on the price at that quantity?',
        '> From 100 pieces we give 5% off. Shall I send the quote?',
        '< Please do, to my email.',
        '> On its way. It is valid for 14 days.',
      ],
    },
    {
      topic: 'return',
      subject: 'Return of {order}',
      lines: [
        '< My {item} arrived with a scratch. What should I do?',
        '> I am sorry about that. Could you send us a photo?',
        '< Just sent it. I would rather have a replacement than a refund.',
        '> The replacement leaves today, with a return label in the box.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Invoice for {order}',
      lines: [
        '< Could I have the invoice for {order} again, with our VAT number on it?',
        '> Of course. What is the number?',
        '< I will send it in a minute. Please make it out to the company.',
        '> The corrected invoice is in your inbox.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Is {item} available?',
      lines: [
        '< Is the {item} back in stock?',
        '> The next batch arrives on {day}. Shall I put one aside for you?',
        '< Two, please.',
        '> Both are reserved in your name.',
      ],
    },
    {
      topic: 'change',
      subject: 'New address for {order}',
      lines: [
        '< Can I still change the address of order {order}?',
        '> It has not been packed yet, so yes. Where should it go?',
        '< To the office, I will send the address now.',
        '> Changed. You will get a new confirmation.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Wholesale enquiry: {item}',
      lines: [
        '< We run three shops and would like to stock the {item}.',
        '> Great to hear. What quantity do you expect per month?',
        '< About {qty} to begin with.',
        '> Then I will call you tomorrow with our trade prices.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'No answer about {order}',
      lines: [
        '< I have been waiting a week for an answer about {order}. Not good enough.',
        '> My apologies. I am looking into it myself and will be back to you today.',
        '< Fine, I will wait until this evening.',
        '> The parcel was held at customs; it was released this morning.',
        '< Thanks for sorting it out.',
      ],
    },
  ],
}
