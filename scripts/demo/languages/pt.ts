import type { Language } from './language.ts'

export const pt: Language = {
  tag: 'pt-BR',
  given:
    'Ana João Beatriz Gabriel Larissa Thiago Júlia Rafael Letícia Caio Fernanda Murilo Luíza Vinícius Conceição André Débora Otávio Simão Flávia',
  family:
    'Silva Santos Oliveira Souza Pereira Lima Carvalho Ferreira Araújo Barbosa Ribeiro Gonçalves Conceição Rocha Magalhães Teixeira Brandão Assunção Nóbrega Falcão',
  name: '{given} {family}',
  companies: ['{family} Ltda.', 'Casa {family}', 'Irmãos {family}', 'Empório {family}'],
  jobs: ['Compradora', 'Sócio', 'Gerente de loja', 'Financeiro'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Entrega do pedido {order}',
      lines: [
        '< Oi, quando chega meu pedido {order}?',
        '> Olá! Já está a caminho e deve chegar no dia {day}.',
        '< Não vou estar em casa. Dá para deixar na portaria?',
        '> Dá sim, é só avisar pelo link do e-mail de envio.',
        '< Pronto, obrigada!',
      ],
    },
    {
      topic: 'price',
      subject: 'Orçamento de {qty} × {item}',
      lines: [
        '< Quanto sai {qty} peças do {item} com frete?',
        '> Para {qty} peças do {item} conseguimos {price}, com frete incluso.',
        '< Dá para melhorar o preço nessa quantidade?',
        '> Acima de 100 peças damos 5% de desconto. Posso mandar o orçamento?',
        '< Pode, no meu e-mail.',
        '> Enviado. Vale por 14 dias.',
      ],
    },
    {
      topic: 'return',
      subject: 'Troca do pedido {order}',
      lines: [
        '< Meu {item} chegou riscado. E agora?',
        '> Sinto muito! Você pode mandar uma foto?',
        '< Acabei de mandar. Prefiro trocar a receber o dinheiro de volta.',
        '> O novo sai hoje, com a etiqueta de devolução na caixa.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Nota fiscal do {order}',
      lines: [
        '< Preciso da nota fiscal do {order} de novo, com o CNPJ da empresa.',
        '> Claro. Qual é o número?',
        '< Já te mando. Em nome da empresa, por favor.',
        '> A nota corrigida está no seu e-mail.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Disponibilidade do {item}',
      lines: [
        '< O {item} já voltou ao estoque?',
        '> A próxima remessa chega no dia {day}. Quer que eu separe um?',
        '< Dois, por favor.',
        '> Os dois estão reservados no seu nome.',
      ],
    },
    {
      topic: 'change',
      subject: 'Mudança de endereço do {order}',
      lines: [
        '< Ainda consigo mudar o endereço do pedido {order}?',
        '> Ele ainda não foi embalado, então dá. Para onde mandamos?',
        '< Para o escritório, já passo o endereço.',
        '> Alterado. Você vai receber uma nova confirmação.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Revenda: {item}',
      lines: [
        '< Temos três lojas e queremos vender o {item}.',
        '> Que ótimo! Qual a quantidade por mês?',
        '< Umas {qty} peças para começar.',
        '> Ligo amanhã com a nossa tabela de revenda.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Sem resposta sobre {order}',
      lines: [
        '< Faz uma semana que espero resposta sobre o {order}. Assim não dá.',
        '> Peço desculpas. Vou cuidar disso pessoalmente e respondo ainda hoje.',
        '< Certo, espero até a noite.',
        '> O pacote estava parado na alfândega; foi liberado hoje cedo.',
        '< Obrigado por resolver.',
      ],
    },
  ],
}
