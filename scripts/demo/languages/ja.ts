import type { Language } from './language.ts'

export const ja: Language = {
  tag: 'ja',
  given:
    '陽菜/Hina 大翔/Hiroto さくら/Sakura 蓮/Ren 美咲/Misaki 健太/Kenta 葵/Aoi 翔太/Shota 由美子/Yumiko 拓也/Takuya 千夏/Chinatsu 悠真/Yuma 結衣/Yui 修/Osamu 恵/Megumi 直樹/Naoki',
  family:
    '佐藤/Sato 鈴木/Suzuki 高橋/Takahashi 田中/Tanaka 渡辺/Watanabe 伊藤/Ito 山本/Yamamoto 中村/Nakamura 小林/Kobayashi 加藤/Kato 吉田/Yoshida 山田/Yamada 佐々木/Sasaki 松本/Matsumoto 井上/Inoue 木村/Kimura',
  name: '{family} {given}',
  companies: ['{family}商事株式会社', '株式会社{family}家具', '{family}珈琲店', '有限会社{family}'],
  jobs: ['購買担当', '代表取締役', '店長', '経理担当'],
  talks: [
    {
      topic: 'delivery',
      subject: 'ご注文 {order} の配送について',
      lines: [
        '< こんにちは。注文 {order} はいつ届きますか？',
        '> お問い合わせありがとうございます。{day}にお届け予定です。',
        '< その日は留守なのですが、宅配ボックスでも大丈夫ですか？',
        '> はい、発送メールのリンクからご指定いただけます。',
        '< できました。ありがとうございます。',
      ],
    },
    {
      topic: 'price',
      subject: '{item} {qty}個のお見積り',
      lines: [
        '< {item} を{qty}個購入する場合、送料込みでいくらになりますか？',
        '> {item} {qty}個で、送料込み {price} でご提供できます。',
        '< もう少しお安くなりませんか？',
        '> 100個以上で5%引きになります。お見積書をお送りしましょうか？',
        '< はい、メールでお願いします。',
        '> お送りしました。有効期限は14日間です。',
      ],
    },
    {
      topic: 'return',
      subject: '{order} の交換について',
      lines: [
        '< 届いた {item} に傷がありました。どうすればよいですか？',
        '> 大変申し訳ございません。お写真をお送りいただけますか？',
        '< 今送りました。返金ではなく交換を希望します。',
        '> 本日、交換品を発送いたします。返送用の伝票も同梱しております。',
      ],
    },
    {
      topic: 'invoice',
      subject: '{order} の請求書',
      lines: [
        '< {order} の請求書を、登録番号入りで再発行していただけますか？',
        '> かしこまりました。番号を教えていただけますか？',
        '< すぐに送ります。宛名は会社名でお願いします。',
        '> 修正した請求書をメールでお送りしました。',
      ],
    },
    {
      topic: 'stock',
      subject: '{item} の在庫',
      lines: [
        '< {item} の再入荷はいつですか？',
        '> 次回の入荷は{day}です。お取り置きしましょうか？',
        '< 2つお願いします。',
        '> 2つともお取り置きいたしました。',
      ],
    },
    {
      topic: 'change',
      subject: '{order} のお届け先変更',
      lines: [
        '< 注文 {order} の届け先を変更できますか？',
        '> まだ梱包前ですので可能です。どちらへお送りしますか？',
        '< 会社宛てにお願いします。住所を送りますね。',
        '> 変更いたしました。確認メールをお送りします。',
      ],
    },
    {
      topic: 'wholesale',
      subject: '{item} のお取り扱いについて',
      lines: [
        '< 店を3軒営んでおり、{item} を取り扱いたいと考えています。',
        '> ありがとうございます。月にどのくらいの数量をお考えですか？',
        '< まずは{qty}個ほどです。',
        '> 明日、卸価格表をご用意してお電話いたします。',
      ],
    },
    {
      topic: 'complaint',
      subject: '{order} の返事がありません',
      lines: [
        '< {order} の件、一週間待っても返事がありません。',
        '> 誠に申し訳ございません。私が責任をもって確認し、本日中にご連絡します。',
        '< では今晩まで待ちます。',
        '> 税関で止まっておりましたが、今朝通関いたしました。',
        '< ご対応ありがとうございました。',
      ],
    },
  ],
}
