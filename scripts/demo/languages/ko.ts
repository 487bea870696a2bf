import type { Language } from './language.ts'

export const ko: Language = {
  tag: 'ko',
  given:
    '서연/Seoyeon 민준/Minjun 지우/Jiwoo 도윤/Doyun 하은/Haeun 현우/Hyunwoo 수빈/Subin 준호/Junho 예린/Yerin 동현/Donghyun 은정/Eunjung 성민/Sungmin 지혜/Jihye 태양/Taeyang',
  family:
    '김/Kim 이/Lee 박/Park 최/Choi 정/Jung 강/Kang 조/Cho 윤/Yoon 장/Jang 임/Lim 한/Han 오/Oh 서/Seo 남궁/Namgung',
  name: '{family}{given}',
  companies: ['{family}가 상사', '주식회사 {family}가구', '{family}씨네 커피', '{family}앤컴퍼니'],
  jobs: ['구매 담당', '대표', '점장', '경리'],
  talks: [
    {
      topic: 'delivery',
      subject: '주문 {order} 배송 문의',
      lines: [
        '< 안녕하세요, 주문 {order} 언제 도착하나요?',
        '> 안녕하세요, 고객님. 현재 배송 중이며 {day} 도착 예정입니다.',
        '< 그날 집에 없는데 경비실에 맡겨 주실 수 있나요?',
        '> 네, 발송 메일의 링크에서 변경하실 수 있습니다.',
        '< 변경했어요. 감사합니다.',
      ],
    },
    {
      topic: 'price',
      subject: '{item} {qty}개 견적',
      lines: [
        '< {item} {qty}개 배송비 포함해서 얼마인가요?',
        '> {item} {qty}개는 배송비 포함 {price}에 드릴 수 있습니다.',
        '< 이 수량이면 조금 더 할인되나요?',
        '> 100개부터 5% 할인해 드립니다. 견적서를 보내 드릴까요?',
        '< 네, 이메일로 부탁드려요.',
        '> 보내 드렸습니다. 14일간 유효합니다.',
      ],
    },
    {
      topic: 'return',
      subject: '{order} 교환 문의',
      lines: [
        '< 받은 {item}에 흠집이 있어요. 어떻게 하나요?',
        '> 정말 죄송합니다. 사진을 보내 주시겠어요?',
        '< 방금 보냈어요. 환불보다는 교환을 원해요.',
        '> 새 제품을 오늘 발송하고 반품 송장을 함께 넣겠습니다.',
      ],
    },
    {
      topic: 'invoice',
      subject: '{order} 세금계산서',
      lines: [
        '< {order} 세금계산서를 사업자번호로 다시 발행해 주세요.',
        '> 네, 사업자번호를 알려 주시겠어요?',
        '< 바로 보낼게요. 회사 명의로 부탁드립니다.',
        '> 수정된 계산서를 이메일로 보내 드렸습니다.',
      ],
    },
    {
      topic: 'stock',
      subject: '{item} 재고 문의',
      lines: [
        '< {item} 다시 입고됐나요?',
        '> 다음 입고는 {day}입니다. 예약해 드릴까요?',
        '< 두 개 부탁드려요.',
        '> 두 개 모두 예약해 두었습니다.',
      ],
    },
    {
      topic: 'change',
      subject: '{order} 주소 변경',
      lines: [
        '< 주문 {order} 주소를 아직 바꿀 수 있나요?',
        '> 아직 포장 전이라 가능합니다. 어디로 보내 드릴까요?',
        '< 사무실로요. 주소 보내 드릴게요.',
        '> 변경했습니다. 새 확인 메일이 갈 거예요.',
      ],
    },
    {
      topic: 'wholesale',
      subject: '{item} 도매 문의',
      lines: [
        '< 매장이 세 곳인데 {item}을 판매하고 싶어요.',
        '> 반갑습니다. 한 달에 몇 개 정도 생각하시나요?',
        '< 처음에는 {qty}개 정도요.',
        '> 내일 도매 가격표를 가지고 전화드리겠습니다.',
      ],
    },
    {
      topic: 'complaint',
      subject: '{order} 답변이 없어요',
      lines: [
        '< {order} 건으로 일주일째 답이 없네요. 너무하시네요.',
        '> 죄송합니다. 제가 직접 확인해서 오늘 안으로 연락드리겠습니다.',
        '< 네, 저녁까지 기다릴게요.',
        '> 세관에 묶여 있었는데 오늘 아침 통관되었습니다.',
        '< 신경 써 주셔서 감사합니다.',
      ],
    },
  ],
}
