import type { Language } from './language.ts'

export const es: Language = {
  tag: 'es',
  given:
    'Lucía Mateo Sofía Diego Valentina Martín Camila Álvaro Ximena Javier Inés Andrés Begoña Íñigo María Joaquín Renata Emilio Pilar Tomás',
  family:
    'García Rodríguez Martínez López Hernández González Pérez Sánchez Ramírez Núñez Castro Ibáñez Ortega Delgado Muñoz Vázquez Peña Aguirre Domínguez Salazar',
  name: '{given} {family}',
  companies: ['{family} S.L.', 'Casa {family}', 'Comercial {family}', 'Hermanos {family}'],
  jobs: ['Compradora', 'Gerente', 'Encargada de tienda', 'Contable'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Entrega del pedido {order}',
      lines: [
        '< Hola, ¿cuándo llega mi pedido {order}?',
        '> ¡Hola! Ya está en camino y debería llegar el {day}.',
        '< Ese día no estaré. ¿Se puede dejar en un punto de recogida?',
        '> Sí, con el enlace del correo de envío puede elegir el punto.',
        '< Listo, muchas gracias.',
      ],
    },
    {
      topic: 'price',
      subject: 'Presupuesto de {qty} × {item}',
      lines: [
        '< ¿Cuánto costarían {qty} unidades de {item} con el envío?',
        '> Por {qty} unidades de {item} le podemos ofrecer {price}, envío incluido.',
        '< ¿Se puede mejorar el precio por esa cantidad?',
        '> A partir de 100 unidades hacemos un 5 % de descuento. ¿Le mando el presupuesto?',
        '< Sí, por favor, a mi correo.',
        '> Enviado. Tiene una validez de 14 días.',
      ],
    },
    {
      topic: 'return',
      subject: 'Devolución del pedido {order}',
      lines: [
        '< Mi {item} ha llegado rayado. ¿Qué hago?',
        '> Lo siento mucho. ¿Podría enviarnos una foto?',
        '< Acabo de mandarla. Prefiero un cambio a la devolución del dinero.',
        '> El nuevo sale hoy, con la etiqueta de devolución dentro.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Factura de {order}',
      lines: [
        '< Necesito otra vez la factura de {order}, con nuestro NIF.',
        '> Por supuesto. ¿Cuál es el número?',
        '< Ahora se lo mando. A nombre de la empresa, por favor.',
        '> La factura corregida está en su correo.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Disponibilidad de {item}',
      lines: [
        '< ¿Vuelve a haber {item} en existencias?',
        '> La próxima entrega llega el {day}. ¿Le reservo uno?',
        '< Dos, por favor.',
        '> Los dos quedan reservados a su nombre.',
      ],
    },
    {
      topic: 'change',
      subject: 'Cambio de dirección de {order}',
      lines: [
        '< ¿Todavía puedo cambiar la dirección del pedido {order}?',
        '> Aún no está embalado, así que sí. ¿Adónde lo enviamos?',
        '< A la oficina, ahora le paso la dirección.',
        '> Cambiado. Recibirá una nueva confirmación.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Consulta de mayorista: {item}',
      lines: [
        '< Tenemos tres tiendas y nos gustaría vender {item}.',
        '> Nos alegra mucho. ¿Qué cantidad calculan al mes?',
        '< Unas {qty} unidades para empezar.',
        '> Le llamo mañana con nuestra tarifa para distribuidores.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Sin respuesta sobre {order}',
      lines: [
        '< Llevo una semana esperando respuesta sobre {order}. Así no se puede.',
        '> Le pido disculpas. Me encargo yo y le contesto hoy mismo.',
        '< Bien, espero hasta esta noche.',
        '> El paquete estaba retenido en la aduana; ya lo han liberado.',
        '< Gracias por ocuparse.',
      ],
    },
  ],
}
