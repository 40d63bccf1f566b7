"""Prices as shops of many countries write them, composed by hand from public conventions.

Each line has a locale, a text, an amount and a currency; ``-`` means none.
"""

__all__ = ["CASES"]

_TABLE = """
en-US | $1,299.00 | 1299.00 | $
en-US | $19.99 | 19.99 | $
en-US | USD 1,234,567.89 | 1234567.89 | USD
en-US | US$ 49 | 49 | USD
en-US | 49.99 USD | 49.99 | USD
en-US | From $70.50 | 70.50 | $
en-US | $10.00 - $20.00 | 10.00 | $
en-US | $10 to $20 | 10 | $
en-US | Was $30.00 Now $24.00 | 24.00 | $
en-US | $24.00 (20% off) | 24.00 | $
en-US | 20% off | - | -
en-US | 20% off $24.00 | 24.00 | $
en-US | or 4 interest-free payments of $6.00 | 6.00 | $
en-US | $24.00 or 4 payments of $6.00 | 24.00 | $
en-US | $4.99 / lb | 4.99 | $
en-US | $0.42/oz $4.99 | 4.99 | $
en-US | Price: $ 15 | 15 | $
en-US | $.99 | 0.99 | $
en-US | $0.00 | - | -
en-US | Free | - | -
en-US | -$5.00 | - | -
en-CA | CA$25.00 | 25.00 | CAD
en-CA | C$25.00 | 25.00 | CAD
en-CA | $25.00 CAD | 25.00 | CAD
fr-CA | 25,00 $ | 25.00 | $
fr-CA | 1 299,99 $ | 1299.99 | $
fr-CA | 1 299,99 $ CA | 1299.99 | CAD
fr-CA | 25 $ US | 25 | USD
fr-FR | 129,90 $CA | 129.90 | CAD
en-AU | A$1,250 | 1250 | AUD
en-AU | AU$1,250.50 | 1250.50 | AUD
en-AU | $35.95 inc GST | 35.95 | $
en-NZ | NZ$89.90 | 89.90 | NZD
en-SG | S$12.80 | 12.80 | SGD
zh-HK | HK$1,180.00 | 1180.00 | HKD
zh-TW | NT$1,280 | 1280 | TWD
zh-TW | NT$ 990 元 | 990 | TWD
es-MX | $1,299.00 MXN | 1299.00 | MXN
es-MX | MX$450.00 | 450.00 | MXN
es-CL | $24.990 | 24990 | $
es-CL | $ 1.249.990 | 1249990 | $
es-CL | CLP 24.990 | 24990 | CLP
es-CO | $ 89.900 | 89900 | $
es-CO | COP 1.250.000 | 1250000 | COP
es-AR | $ 12.345,67 | 12345.67 | $
es-AR | ARS 12.345,67 | 12345.67 | ARS
es-UY | $U 1.290 | 1290 | UYU
es-PE | S/ 129.90 | 129.90 | PEN
es-PE | S/. 1,299.00 | 1299.00 | PEN
es-BO | Bs 350,50 | 350.50 | BOB
es-PY | ₲ 150.000 | 150000 | PYG
es-CR | ₡12 500 | 12500 | CRC
pt-BR | R$ 1.299,90 | 1299.90 | BRL
pt-BR | R$1.299,90 à vista | 1299.90 | BRL
pt-BR | R$ 99,90 em 10x de R$ 9,99 | 99.90 | BRL
pt-BR | 10x de R$ 9,99 | 9.99 | BRL
pt-BR | por R$ 59,00 | 59.00 | BRL
pt-PT | 1.299,00 € | 1299.00 | EUR
pt-PT | 12,5 € | 12.5 | EUR
de-DE | 1.299,00 € | 1299.00 | EUR
de-DE | 1.299 € | 1299 | EUR
de-DE | ab 10 € | 10 | EUR
de-DE | EUR 12,50 | 12.50 | EUR
de-DE | 12,- € | 12 | EUR
de-DE | 12,– € | 12 | EUR
de-DE | 1.299,-- € | 1299 | EUR
de-DE | 19,99 €* inkl. MwSt. | 19.99 | EUR
de-DE | 100,00 € zzgl. MwSt. (119,00 € inkl. MwSt.) | 119.00 | EUR
de-DE | 4,99 € (12,48 €/kg) | 4.99 | EUR
de-DE | 12,48 € / 100 g | 12.48 | EUR
de-DE | 10,00 € – 20,00 € | 10.00 | EUR
de-DE | 10 - 20 € | 10 | EUR
de-DE | 10 bis 20 € | 10 | EUR
de-DE | 7,99 EUR/Stk | 7.99 | EUR
de-AT | € 1.299,00 | 1299.00 | EUR
de-AT | € 5,– | 5 | EUR
de-CH | CHF 1'299.00 | 1299.00 | CHF
de-CH | CHF 1’299.– | 1299 | CHF
de-CH | Fr. 49.90 | 49.90 | CHF
de-CH | 49.90 CHF | 49.90 | CHF
fr-FR | 1 299,00 € | 1299.00 | EUR
fr-FR | 5€99 | 5.99 | EUR
fr-FR | à partir de 9,90 € | 9.90 | EUR
fr-FR | 100,00 € HT 120,00 € TTC | 120.00 | EUR
fr-FR | 3 x 39,90 € | 39.90 | EUR
fr-BE | 15,00 EUR | 15.00 | EUR
it-IT | € 1.299,00 | 1299.00 | EUR
it-IT | 1.299,00€ | 1299.00 | EUR
it-IT | da 9,90 € a 19,90 € | 9.90 | EUR
es-ES | 1.299,00 € | 1299.00 | EUR
es-ES | desde 12,95€ | 12.95 | EUR
es-ES | 24,20 € IVA incluido | 24.20 | EUR
nl-NL | € 12,95 | 12.95 | EUR
nl-NL | € 12,- | 12 | EUR
nl-NL | €1.299,- | 1299 | EUR
fi-FI | 1 299,00 € | 1299.00 | EUR
et-EE | 12,90 € | 12.90 | EUR
lt-LT | 12,90 € | 12.90 | EUR
lv-LV | 12,90 € | 12.90 | EUR
el-GR | 1.299,00 € | 1299.00 | EUR
sk-SK | 1 299,00 € | 1299.00 | EUR
sl-SI | 1.299,00 € | 1299.00 | EUR
ga-IE | €1,299.00 | 1299.00 | EUR
en-GB | £1,299.00 | 1299.00 | GBP
en-GB | £12 | 12 | GBP
en-GB | £10 ex VAT £12 inc VAT | 12 | GBP
en-GB | £2.50 per 100 g | 2.50 | GBP
en-GB | GBP 5.00 | 5.00 | GBP
en-GB | £3.99 each | 3.99 | GBP
sv-SE | 1 299 kr | 1299 | kr
sv-SE | 1 299,50 kr | 1299.50 | kr
sv-SE | 1.299:- | 1299 | -
sv-SE | 499:- | 499 | -
sv-SE | SEK 1 299 | 1299 | SEK
sv-SE | från 99 kr | 99 | kr
nb-NO | kr 1 299,00 | 1299.00 | kr
nb-NO | kr 499,- | 499 | kr
nb-NO | NOK 1 299 | 1299 | NOK
da-DK | 1.299,00 kr. | 1299.00 | kr.
da-DK | 249,95 kr | 249.95 | kr
da-DK | DKK 249,95 | 249.95 | DKK
is-IS | 12.990 kr. | 12990 | kr.
pl-PL | 1 299,00 zł | 1299.00 | PLN
pl-PL | 49,99 zł | 49.99 | PLN
pl-PL | 49,99zł/szt. | 49.99 | PLN
pl-PL | PLN 49.99 | 49.99 | PLN
cs-CZ | 1 299 Kč | 1299 | CZK
cs-CZ | 1 299,00 Kč | 1299.00 | CZK
cs-CZ | 1.299,- Kč | 1299 | CZK
cs-CZ | 990 Kč bez DPH 1 198 Kč s DPH | 1198 | CZK
hu-HU | 12 990 Ft | 12990 | HUF
hu-HU | 12.990 Ft | 12990 | HUF
hu-HU | 12 990 HUF | 12990 | HUF
ro-RO | 129,99 lei | 129.99 | RON
ro-RO | 1.299,00 RON | 1299.00 | RON
ro-RO | 1.299,00 Lei | 1299.00 | RON
bg-BG | 25,90 лв. | 25.90 | BGN
bg-BG | 1 299,00 лв | 1299.00 | BGN
hr-HR | 1.299,00 kn | 1299.00 | HRK
sr-RS | 12.990,00 RSD | 12990.00 | RSD
sr-RS | 12.990 din. | 12990 | RSD
bs-BA | 49,90 KM | 49.90 | BAM
mk-MK | 1.299 ден. | 1299 | MKD
ru-RU | 1 299 ₽ | 1299 | RUB
ru-RU | 1 299,50 руб. | 1299.50 | RUB
ru-RU | 12 990 р. | 12990 | RUB
ru-RU | от 990 ₽ | 990 | RUB
ru-RU | 1,5 млн ₽ | 1500000.0 | RUB
uk-UA | 1 299 грн | 1299 | UAH
uk-UA | 1 299,00 ₴ | 1299.00 | UAH
uk-UA | 45 грн/кг | 45 | UAH
be-BY | 25,90 BYN | 25.90 | BYN
be-BY | 25,90 б.р. | 25.90 | BYN
kk-KZ | 12 990 ₸ | 12990 | KZT
kk-KZ | 12 990 тг | 12990 | KZT
ka-GE | 129,00 ₾ | 129.00 | GEL
hy-AM | 12 900 ֏ | 12900 | AMD
az-AZ | 49,99 ₼ | 49.99 | AZN
uz-UZ | 129 000 so'm | 129000 | UZS
tr-TR | 1.299,90 TL | 1299.90 | TRY
tr-TR | ₺1.299,90 | 1299.90 | TRY
tr-TR | 1.299,90 ₺ KDV Dahil | 1299.90 | TRY
he-IL | 1,299.00 ₪ | 1299.00 | ILS
he-IL | ₪ 129.90 | 129.90 | ILS
he-IL | 129 ש"ח | 129 | ILS
ar-SA | 1,299.00 ر.س | 1299.00 | SAR
ar-SA | ٣٬٥٠٠ ر.س | 3500 | SAR
ar-SA | ١٢٩٫٥٠ ريال | 129.50 | SAR
ar-SA | SAR 1,299.00 | 1299.00 | SAR
ar-AE | 249.00 د.إ | 249.00 | AED
ar-AE | AED 249 | 249 | AED
ar-AE | 249 درهم | 249 | AED
ar-EG | 1,250.00 ج.م | 1250.00 | EGP
ar-EG | EGP 1,250 | 1250 | EGP
ar-KW | 12.500 د.ك | 12.500 | KWD
ar-KW | KD 1.250 | 1.250 | KWD
ar-KW | 1,250.750 KWD | 1250.750 | KWD
ar-BH | BD 4.500 | 4.500 | BHD
ar-OM | 12.350 ر.ع. | 12.350 | OMR
ar-JO | 7.250 د.أ | 7.250 | JOD
ar-QA | QAR 99.00 | 99.00 | QAR
ar-TN | 49,900 د.ت | 49.900 | TND
fr-TN | 1.249,900 DT | 1249.900 | TND
fr-MA | 349,00 DH | 349.00 | MAD
fr-DZ | 4 500 DA | 4500 | DZD
fa-IR | ۱٬۲۵۰٬۰۰۰ ریال | 1250000 | IRR
hi-IN | ₹1,23,456.00 | 123456.00 | INR
hi-IN | ₹ 499 | 499 | INR
hi-IN | Rs. 1,499 | 1499 | INR
hi-IN | Rs 1499.00 | 1499.00 | INR
hi-IN | ₹१,२३४ | 1234 | INR
hi-IN | ₹1.5 lakh | 150000 | INR
ur-PK | PKR 12,500 | 12500 | PKR
bn-BD | ৳ 1,250 | 1250 | BDT
bn-BD | ৳১,২৫০ | 1250 | BDT
si-LK | LKR 2,450.00 | 2450.00 | LKR
ne-NP | NPR 1,250 | 1250 | NPR
th-TH | ฿1,290.00 | 1290.00 | THB
th-TH | 1,290 บาท | 1290 | THB
vi-VN | 700.000 ₫ | 700000 | VND
vi-VN | 700.000đ | 700000 | VND
vi-VN | 21.990.000 VNĐ | 21990000 | VND
vi-VN | 1,250,000 VND | 1250000 | VND
vi-VN | 15,5 triệu đồng | 15500000 | VND
id-ID | Rp 1.250.000 | 1250000 | IDR
id-ID | Rp75.000 | 75000 | IDR
id-ID | Rp 50rb | 50000 | IDR
ms-MY | RM 1,299.90 | 1299.90 | MYR
ms-MY | RM49.90 | 49.90 | MYR
fil-PH | ₱1,299.00 | 1299.00 | PHP
km-KH | 40,000៛ | 40000 | KHR
zh-CN | ¥1,299.00 | 1299.00 | ¥
zh-CN | ￥１２９９．００ | 1299.00 | CNY
zh-CN | 1299元 | 1299 | CNY
zh-CN | 1.2万元 | 12000 | CNY
zh-CN | RMB 88 | 88 | CNY
zh-CN | ¥99.00-199.00 | 99.00 | ¥
zh-CN | 人民币 58.00 | 58.00 | CNY
zh-CN | ￥12.9/500g | 12.9 | CNY
ja-JP | ¥1,980 | 1980 | ¥
ja-JP | 1,980円 | 1980 | JPY
ja-JP | 1,980円(税込) | 1980 | JPY
ja-JP | 1,800円(税込1,980円) | 1980 | JPY
ja-JP | 1,800円（税抜） | 1800 | JPY
ja-JP | 12万円 | 120000 | JPY
ja-JP | 12万8000円 | 128000 | JPY
ja-JP | 1,980円〜2,980円 | 1980 | JPY
ko-KR | ₩12,000 | 12000 | KRW
ko-KR | 12,000원 | 12000 | KRW
ko-KR | 3만원 | 30000 | KRW
ko-KR | 12만 9,000원 | 129000 | KRW
ko-KR | 12만9천500원 | 129500 | KRW
ja-JP | 12万9,000円 | 129000 | JPY
mn-MN | 125,000₮ | 125000 | MNT
en-NG | ₦12,500.00 | 12500.00 | NGN
en-GH | GH₵ 120.00 | 120.00 | GHS
en-KE | KSh 1,250 | 1250 | KES
en-TZ | TSh 45,000 | 45000 | TZS
en-ZA | R 1 299,00 | 1299.00 | ZAR
en-ZA | R1,299.00 | 1299.00 | ZAR
en-ZA | R49.99 | 49.99 | ZAR
fr-SN | 12 500 FCFA | 12500 | XOF
fr-CI | 12.500 CFA | 12500 | XOF
und | 119.01 | 119.01 | -
und | 12.5000 | 12.5000 | -
und | 1234.567 | 1234.567 | -
und | 0.125 € | 0.125 | EUR
und | sold out | - | -
und | 50% | - | -
und | €€€ | - | -
und | 99999999999999999999 € | - | -
"""

CASES = [tuple(part.strip(" ") for part in line.split(" | ")) for line in _TABLE.strip().splitlines()]
"""Locale, text, amount and currency."""
