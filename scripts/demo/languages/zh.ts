import type { Language } from './language.ts'

export const zh: Language = {
  tag: 'zh-Hans',
  given:
    '小明/Xiaoming 丽华/Lihua 志强/Zhiqiang 美玲/Meiling 建国/Jianguo 雪/Xue 浩然/Haoran 梓涵/Zihan 思远/Siyuan 芳/Fang 宇航/Yuhang 静怡/Jingyi 文博/Wenbo 晓燕/Xiaoyan 俊杰/Junjie 雨桐/Yutong',
  family:
    '王/Wang 李/Li 张/Zhang 刘/Liu 陈/Chen 杨/Yang 黄/Huang 赵/Zhao 吴/Wu 周/Zhou 徐/Xu 孙/Sun 马/Ma 朱/Zhu 胡/Hu 欧阳/Ouyang',
  name: '{family}{given}',
  companies: ['{family}氏贸易有限公司', '{family}记家居', '上海{family}氏商行', '{family}家咖啡'],
  jobs: ['采购经理', '总经理', '店长', '会计'],
  talks: [
    {
      topic: 'delivery',
      subject: '订单 {order} 的配送',
      lines: [
        '< 您好，我的订单 {order} 什么时候到？',
        '> 您好，包裹已经发出，预计{day}送达。',
        '< 那天我不在家，可以放快递柜吗？',
        '> 可以，点开发货通知里的链接就能修改。',
        '< 改好了，谢谢。',
      ],
    },
    {
      topic: 'price',
      subject: '{item} {qty} 件报价',
      lines: [
        '< 请问 {qty} 件 {item} 含运费多少钱？',
        '> {qty} 件 {item} 可以给您 {price}，包邮。',
        '< 这个数量还能再优惠一点吗？',
        '> 满 100 件打九五折，要给您发报价单吗？',
        '< 好的，发到我邮箱。',
        '> 已发送，14 天内有效。',
      ],
    },
    {
      topic: 'return',
      subject: '订单 {order} 退换货',
      lines: [
        '< 收到的 {item} 有划痕，怎么处理？',
        '> 非常抱歉，麻烦您拍张照片发给我们。',
        '< 刚发过去了，我想换一个，不要退款。',
        '> 新的今天寄出，箱子里有退货面单。',
      ],
    },
    {
      topic: 'invoice',
      subject: '订单 {order} 的发票',
      lines: [
        '< 麻烦重新开一张 {order} 的发票，要写我们的税号。',
        '> 好的，请问税号是多少？',
        '< 马上发给您，抬头写公司。',
        '> 更正后的发票已发到您的邮箱。',
      ],
    },
    {
      topic: 'stock',
      subject: '{item} 现货',
      lines: ['< {item} 有现货了吗？', '> 下一批{day}到，要给您留一个吗？', '< 留两个吧。', '> 两个都给您留好了。'],
    },
    {
      topic: 'change',
      subject: '订单 {order} 修改地址',
      lines: [
        '< 订单 {order} 还能改地址吗？',
        '> 还没打包，可以改。寄到哪里？',
        '< 寄到公司，我把地址发给您。',
        '> 已修改，您会收到新的确认。',
      ],
    },
    {
      topic: 'wholesale',
      subject: '{item} 批发咨询',
      lines: [
        '< 我们有三家门店，想进 {item} 来卖。',
        '> 欢迎合作！每个月大概需要多少？',
        '< 先来 {qty} 件左右。',
        '> 我明天带着批发价目表给您打电话。',
      ],
    },
    {
      topic: 'complaint',
      subject: '{order} 一直没有回复',
      lines: [
        '< {order} 的问题等了一个星期都没人回，太不像话了。',
        '> 实在抱歉，这件事由我亲自跟进，今天一定给您答复。',
        '< 行，我等到今晚。',
        '> 包裹之前卡在海关，今天早上已经放行了。',
        '< 谢谢您帮忙处理。',
      ],
    },
  ],
}
