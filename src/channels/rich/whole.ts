import type { RichMeans } from './means.ts'

/** Of channels that pass the neutral form on as it is: whatever the form itself allows. */
export function wholeForm(textLength: number): RichMeans {
  const around = { textLength, headerLength: Number.POSITIVE_INFINITY, footerLength: Number.POSITIVE_INFINITY }
  const any = Number.POSITIVE_INFINITY
  return {
    replies: { ...around, max: any, titleLength: any },
    links: { ...around, max: any, titleLength: any, mixed: true },
    list: {
      ...around,
      buttonLength: any,
      sectionsMax: any,
      sectionTitleLength: any,
      rowsMax: any,
      titleLength: any,
      descriptionLength: any,
      idLength: any,
      titledIfSeveral: false,
    },
    location: {},
    contacts: { max: any, needsPhone: false },
    reactions: {},
  }
}
