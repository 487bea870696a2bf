/** How a channel counts the length of a text: code points, UTF-16 units, or bytes in UTF-8. */
export type TextUnit = 'character' | 'utf16' | 'byte'

/** What of `RichContent` a channel takes. What is left out it does not take at all. */
export interface RichMeans {
  /** how the lengths below count; characters unless given */
  unit?: TextUnit
  /** buttons of which each brings its id back */
  replies?: ButtonMeans
  /** buttons of which one at least opens an address; `mixed`: others beside it may bring an id back */
  links?: ButtonMeans & { mixed: boolean }
  list?: ListMeans
  location?: { nameLength?: number; addressLength?: number }
  contacts?: { max: number; needsPhone: boolean; vcardBytes?: number }
  /** `emojis`: no others, compared without variation selectors; left out: any */
  reactions?: { emojis?: readonly string[] }
}

interface ChoiceMeans {
  /** of the text above the choices */
  textLength: number
  textUnit?: TextUnit
  /** left out: there is none */
  headerLength?: number
  footerLength?: number
}

export interface ButtonMeans extends ChoiceMeans {
  max: number
  titleLength: number
  /** whether no two may have the same title */
  uniqueTitles?: boolean
  idLength?: number
  idUnit?: TextUnit
  urlLength?: number
}

export interface ListMeans extends ChoiceMeans {
  buttonLength: number
  sectionsMax: number
  sectionTitleLength: number
  /** of all sections together */
  rowsMax: number
  titleLength: number
  descriptionLength: number
  idLength: number
  /** whether each of several sections needs its title */
  titledIfSeveral: boolean
}

/** An emoji without the sign that asks for its picture, which some write and some do not. */
export const bareEmoji = (emoji: string): string => emoji.replaceAll('\ufe0f', '')

export function lengthOf(text: string, unit: TextUnit): number {
  if (unit === 'byte') return Buffer.byteLength(text)
  return unit === 'utf16' ? text.length : [...text].length
}

export const unitName = (unit: TextUnit): string => (unit === 'byte' ? 'bytes in UTF-8' : 'characters')
