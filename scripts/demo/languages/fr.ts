import type { Language } from './language.ts'

export const fr: Language = {
  tag: 'fr',
  given:
    'Camille Hugo Léa Louis Chloé Gabriel Inès Raphaël Zoé Élodie François Amélie Théo Noémie Benoît Hélène Maël Solène Jérôme Aïcha',
  family:
    'Martin Bernard Dubois Lefèvre Moreau Girard Rousseau Fournier Mercier Dupré Blanchard Guérin Faure Garnier Chevalier Légaré Perrin Clément Gaillard Brunet',
  name: '{given} {family}',
  companies: ['{family} SARL', 'Maison {family}', '{family} et Fils', 'Atelier {family}'],
  jobs: ['Acheteuse', 'Gérant', 'Responsable de magasin', 'Comptable'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Livraison de la commande {order}',
      lines: [
        '< Bonjour, quand ma commande {order} arrivera-t-elle ?',
        '> Bonjour, votre colis est en route et devrait arriver le {day}.',
        '< Je ne serai pas là. Peut-on le livrer en point relais ?',
        '> Oui, le lien dans le courriel d’expédition permet de choisir le point relais.',
        '< C’est fait, merci beaucoup.',
      ],
    },
    {
      topic: 'price',
      subject: 'Devis pour {qty} × {item}',
      lines: [
        '< Quel serait le prix de {qty} {item}, livraison comprise ?',
        '> Pour {qty} {item}, nous pouvons vous proposer {price}, livraison comprise.',
        '< Un petit geste est-il possible pour cette quantité ?',
        '> À partir de 100 pièces, nous accordons 5 % de remise. Je vous envoie le devis ?',
        '< Oui, par courriel s’il vous plaît.',
        '> C’est parti. Il est valable 14 jours.',
      ],
    },
    {
      topic: 'return',
      subject: 'Retour de la commande {order}',
      lines: [
        '< Mon {item} est arrivé rayé. Que dois-je faire ?',
        '> Je suis désolé. Pourriez-vous nous envoyer une photo ?',
        '< C’est fait. Je préfère un échange à un remboursement.',
        '> Le nouvel article part aujourd’hui, avec une étiquette de retour.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Facture de {order}',
      lines: [
        '< Pouvez-vous me renvoyer la facture de {order} avec notre numéro de TVA ?',
        '> Bien sûr. Quel est ce numéro ?',
        '< Je vous l’envoie tout de suite. Au nom de la société, merci.',
        '> La facture corrigée est dans votre boîte.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Disponibilité de {item}',
      lines: [
        '< Le modèle {item} est-il de nouveau en stock ?',
        '> La prochaine livraison est prévue le {day}. Je vous en réserve un ?',
        '< Deux, s’il vous plaît.',
        '> Les deux sont réservés à votre nom.',
      ],
    },
    {
      topic: 'change',
      subject: 'Changement d’adresse pour {order}',
      lines: [
        '< Est-il encore possible de changer l’adresse de la commande {order} ?',
        '> Elle n’est pas encore emballée, donc oui. Où faut-il l’envoyer ?',
        '< Au bureau, je vous donne l’adresse.',
        '> C’est modifié. Vous allez recevoir une nouvelle confirmation.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Demande revendeur : {item}',
      lines: [
        '< Nous avons trois boutiques et aimerions proposer {item}.',
        '> Avec plaisir. Quelle quantité prévoyez-vous par mois ?',
        '< Environ {qty} pour commencer.',
        '> Je vous appelle demain avec nos tarifs revendeurs.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Sans réponse au sujet de {order}',
      lines: [
        '< J’attends une réponse au sujet de {order} depuis une semaine. Ce n’est pas sérieux.',
        '> Toutes mes excuses. Je m’en occupe personnellement et je reviens vers vous aujourd’hui.',
        '< D’accord, j’attends ce soir.',
        '> Le colis était bloqué en douane ; il est libéré depuis ce matin.',
        '< Merci de vous en être occupé.',
      ],
    },
  ],
}
