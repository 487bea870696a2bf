import type { Language } from './language.ts'

export const tr: Language = {
  tag: 'tr',
  given:
    'Zeynep Emre Elif Yiğit Ayşe Burak Gülşah Mehmet İrem Çağrı Şeyma Kerem Özge Umut Büşra Ömer Derya Tuğçe Hakan Işıl',
  family:
    'Yılmaz Kaya Demir Çelik Şahin Yıldız Öztürk Aydın Arslan Doğan Kılıç Çetin Koç Kurt Özdemir Güneş Erdoğmuş Taş Ünal Bulut',
  name: '{given} {family}',
  companies: ['{family} Ticaret A.Ş.', '{family} Mobilya', 'Kardeşler {family}', '{family} Kahve'],
  jobs: ['Satın alma uzmanı', 'Kurucu', 'Mağaza müdürü', 'Muhasebeci'],
  talks: [
    {
      topic: 'delivery',
      subject: '{order} numaralı siparişin teslimatı',
      lines: [
        '< Merhaba, {order} numaralı siparişim ne zaman gelir?',
        '> Merhaba, paketiniz yolda, {day} günü elinizde olması bekleniyor.',
        '< O gün evde olmayacağım. Komşuya bırakılabilir mi?',
        '> Evet, kargo e-postasındaki bağlantıdan seçebilirsiniz.',
        '< Tamamdır, teşekkürler.',
      ],
    },
    {
      topic: 'price',
      subject: '{qty} adet {item} için teklif',
      lines: [
        '< {qty} adet {item} kargo dahil ne kadar?',
        '> {qty} adet {item} için kargo dahil {price} teklif edebiliriz.',
        '< Bu adette fiyatta indirim olur mu?',
        '> 100 adetten itibaren %5 indirim yapıyoruz. Teklifi göndereyim mi?',
        '< Lütfen, e-posta adresime.',
        '> Gönderdim. 14 gün geçerlidir.',
      ],
    },
    {
      topic: 'return',
      subject: '{order} iadesi',
      lines: [
        '< {item} çizik geldi. Ne yapmalıyım?',
        '> Çok özür dileriz. Bir fotoğraf gönderebilir misiniz?',
        '< Şimdi gönderdim. Para iadesi yerine değişim isterim.',
        '> Yenisi bugün yola çıkıyor, iade etiketi kutunun içinde.',
      ],
    },
    {
      topic: 'invoice',
      subject: '{order} faturası',
      lines: [
        '< {order} faturasını vergi numaramızla tekrar alabilir miyim?',
        '> Elbette. Numara nedir?',
        '< Hemen yazıyorum. Lütfen şirket adına kesilsin.',
        '> Düzeltilmiş fatura e-postanızda.',
      ],
    },
    {
      topic: 'stock',
      subject: '{item} stok durumu',
      lines: [
        '< {item} tekrar stokta var mı?',
        '> Yeni parti {day} günü geliyor. Sizin için ayırayım mı?',
        '< İki tane lütfen.',
        '> İkisi de adınıza ayrıldı.',
      ],
    },
    {
      topic: 'change',
      subject: '{order} adres değişikliği',
      lines: [
        '< {order} siparişimin adresini hâlâ değiştirebilir miyim?',
        '> Henüz paketlenmedi, olur. Nereye gönderelim?',
        '< Ofise, adresi şimdi yazıyorum.',
        '> Değiştirildi. Yeni bir onay alacaksınız.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Toptan satış: {item}',
      lines: [
        '< Üç mağazamız var, {item} satmak istiyoruz.',
        '> Çok sevindik. Aylık kaç adet düşünüyorsunuz?',
        '< Başlangıçta yaklaşık {qty} adet.',
        '> Yarın bayi fiyat listemizle sizi arayacağım.',
      ],
    },
    {
      topic: 'complaint',
      subject: '{order} hakkında cevap yok',
      lines: [
        '< Bir haftadır {order} için cevap bekliyorum. Olmaz böyle.',
        '> Özür dilerim. Bizzat ilgileniyorum, bugün dönüş yapacağım.',
        '< Peki, akşama kadar bekliyorum.',
        '> Paket gümrükte bekliyordu, bu sabah çıktı.',
        '< İlgilendiğiniz için teşekkürler.',
      ],
    },
  ],
}
