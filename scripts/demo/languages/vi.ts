import type { Language } from './language.ts'

export const vi: Language = {
  tag: 'vi',
  given: 'Anh Minh Hương Tuấn Linh Đức Ngọc Hải Thảo Quân Phương Dũng Trang Khoa Yến Bảo Thủy Sơn Hạnh Long',
  family: 'Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý',
  name: '{family} {given}',
  companies: ['Công ty TNHH {family} Gia', 'Nội thất {family}', 'Cà phê {family}', 'Cửa hàng {family}'],
  jobs: ['Nhân viên thu mua', 'Chủ cửa hàng', 'Quản lý cửa hàng', 'Kế toán'],
  talks: [
    {
      topic: 'delivery',
      subject: 'Giao đơn hàng {order}',
      lines: [
        '< Chào shop, đơn {order} của mình khi nào tới?',
        '> Chào bạn, hàng đang trên đường và dự kiến tới ngày {day}.',
        '< Hôm đó mình không ở nhà, gửi bảo vệ được không?',
        '> Được ạ, bạn chọn trong đường dẫn ở email giao hàng nhé.',
        '< Mình chọn rồi, cảm ơn shop.',
      ],
    },
    {
      topic: 'price',
      subject: 'Báo giá {qty} × {item}',
      lines: [
        '< {qty} cái {item} gồm phí giao là bao nhiêu vậy?',
        '> {qty} cái {item} bên mình báo {price}, đã gồm phí giao.',
        '< Số lượng này có bớt thêm không?',
        '> Từ 100 cái giảm 5% ạ. Mình gửi báo giá nhé?',
        '< Gửi qua email giúp mình.',
        '> Đã gửi ạ, báo giá có hiệu lực 14 ngày.',
      ],
    },
    {
      topic: 'return',
      subject: 'Đổi hàng {order}',
      lines: [
        '< {item} mình nhận bị trầy. Giờ làm sao?',
        '> Rất xin lỗi bạn. Bạn gửi giúp một tấm hình nhé?',
        '< Mình vừa gửi. Mình muốn đổi chứ không hoàn tiền.',
        '> Hôm nay bên mình gửi cái mới, có sẵn phiếu trả hàng trong hộp.',
      ],
    },
    {
      topic: 'invoice',
      subject: 'Hóa đơn {order}',
      lines: [
        '< Cho mình xin lại hóa đơn {order} có mã số thuế công ty.',
        '> Vâng, bạn cho mình xin mã số thuế.',
        '< Mình gửi ngay. Xuất tên công ty nhé.',
        '> Hóa đơn đã sửa nằm trong email của bạn.',
      ],
    },
    {
      topic: 'stock',
      subject: 'Hàng {item}',
      lines: [
        '< {item} có hàng lại chưa?',
        '> Lô tới về ngày {day}. Mình giữ cho bạn một cái nhé?',
        '< Giữ hai cái nha.',
        '> Đã giữ cả hai cho bạn.',
      ],
    },
    {
      topic: 'change',
      subject: 'Đổi địa chỉ {order}',
      lines: [
        '< Mình đổi địa chỉ đơn {order} được không?',
        '> Đơn chưa đóng gói nên được ạ. Gửi về đâu bạn?',
        '< Về văn phòng, mình nhắn địa chỉ ngay.',
        '> Đã đổi. Bạn sẽ nhận được xác nhận mới.',
      ],
    },
    {
      topic: 'wholesale',
      subject: 'Hỏi giá sỉ {item}',
      lines: [
        '< Bên mình có ba cửa hàng, muốn bán {item}.',
        '> Tuyệt quá. Mỗi tháng bạn dự kiến bao nhiêu?',
        '< Khoảng {qty} cái lúc đầu.',
        '> Mai mình gọi và gửi bảng giá sỉ nhé.',
      ],
    },
    {
      topic: 'complaint',
      subject: 'Chưa được trả lời về {order}',
      lines: [
        '< Mình chờ trả lời về {order} cả tuần rồi. Không ổn chút nào.',
        '> Thành thật xin lỗi. Mình sẽ trực tiếp xử lý và báo lại trong hôm nay.',
        '< Được, mình chờ tới tối.',
        '> Kiện hàng bị giữ ở hải quan, sáng nay đã thông quan.',
        '< Cảm ơn đã giúp mình.',
      ],
    },
  ],
}
