package testpay

import (
	"strings"

	"meridian/world"
)

// words are the page's texts in one language.
type words struct {
	Lang                                                       string
	Title, Order, Amount, Test                                 string
	Number, Expiry, Code, Pay, Back                            string
	Cards, Card, Does                                          string
	Bank, Confirm, Refuse                                      string
	Paid, PaidLead, Over, OverLead, Continue, Problem, Unknown string
	Failures                                                   map[world.PaymentFailure]string
}

// wordsFor are those of a locale's language (BCP 47), else the English ones.
func wordsFor(locale string) words {
	language, _, _ := strings.Cut(locale, "-")
	for _, w := range languages {
		if w.Lang == strings.ToLower(language) {
			return w
		}
	}
	return languages[0]
}

// failure is why a try did not work, in the page's language. Who holds a lost
// card is told no more than that it was declined.
func (w words) failure(why string) string {
	if text, ok := w.Failures[why]; ok {
		return text
	}
	return w.Failures[world.FailureDeclined]
}

var languages = []words{
	{
		Lang: "en", Title: "Payment", Order: "Order", Amount: "Amount", Test: "This is a test. No money is moved, and no real card is taken.",
		Number: "Card number", Expiry: "Valid until (MM/YY)", Code: "Security code", Pay: "Pay %s", Back: "Cancel and go back to the shop",
		Cards: "Cards to try", Card: "Card number", Does: "What it does",
		Bank: "Your bank asks: do you want to pay %s?", Confirm: "Yes, pay", Refuse: "No, refuse",
		Paid: "The payment is done", PaidLead: "Go back to the shop to see your order.", Over: "This payment is over", OverLead: "Nothing was charged here. Go back to the shop.",
		Continue: "Back to the shop", Problem: "The payment did not work", Unknown: "This is none of the test cards below.",
		Failures: map[string]string{
			world.FailureDeclined: "Your bank has declined. Try another card.", world.FailureFunds: "There is not enough money on this card. Try another one.",
			world.FailureExpiredCard: "This card has expired. Try another one.", world.FailureAuthentication: "The payment was not confirmed. Try again.",
			world.FailureAbandoned: "The time for this payment is over.",
		},
	},
	{
		Lang: "de", Title: "Zahlung", Order: "Bestellung", Amount: "Betrag", Test: "Dies ist ein Test. Es fließt kein Geld, und keine echte Karte wird angenommen.",
		Number: "Kartennummer", Expiry: "Gültig bis (MM/JJ)", Code: "Prüfziffer", Pay: "%s bezahlen", Back: "Abbrechen und zurück zum Laden",
		Cards: "Karten zum Ausprobieren", Card: "Kartennummer", Does: "Was sie tut",
		Bank: "Ihre Bank fragt: Möchten Sie %s bezahlen?", Confirm: "Ja, bezahlen", Refuse: "Nein, ablehnen",
		Paid: "Die Zahlung ist erfolgt", PaidLead: "Zurück im Laden sehen Sie Ihre Bestellung.", Over: "Diese Zahlung ist beendet", OverLead: "Hier wurde nichts abgebucht. Gehen Sie zurück zum Laden.",
		Continue: "Zurück zum Laden", Problem: "Die Zahlung hat nicht geklappt", Unknown: "Das ist keine der Testkarten unten.",
		Failures: map[string]string{
			world.FailureDeclined: "Ihre Bank hat abgelehnt. Versuchen Sie eine andere Karte.", world.FailureFunds: "Auf dieser Karte ist nicht genug Geld. Versuchen Sie eine andere.",
			world.FailureExpiredCard: "Diese Karte ist abgelaufen. Versuchen Sie eine andere.", world.FailureAuthentication: "Die Zahlung wurde nicht bestätigt. Versuchen Sie es noch einmal.",
			world.FailureAbandoned: "Die Zeit für diese Zahlung ist vorbei.",
		},
	},
	{
		Lang: "ja", Title: "お支払い", Order: "ご注文", Amount: "金額", Test: "これはテストです。実際の請求は行われず、実在のカードは使えません。",
		Number: "カード番号", Expiry: "有効期限（月/年）", Code: "セキュリティコード", Pay: "%sを支払う", Back: "キャンセルしてショップに戻る",
		Cards: "テスト用カード", Card: "カード番号", Does: "動作",
		Bank: "カード会社からの確認：%sを支払いますか。", Confirm: "はい、支払います", Refuse: "いいえ、支払いません",
		Paid: "お支払いが完了しました", PaidLead: "ショップに戻って注文をご確認ください。", Over: "このお支払いは終了しました", OverLead: "ここでの請求はありません。ショップにお戻りください。",
		Continue: "ショップに戻る", Problem: "お支払いができませんでした", Unknown: "下のテスト用カードの番号ではありません。",
		Failures: map[string]string{
			world.FailureDeclined: "カード会社に承認されませんでした。別のカードをお試しください。", world.FailureFunds: "このカードの残高が不足しています。別のカードをお試しください。",
			world.FailureExpiredCard: "このカードは有効期限が切れています。別のカードをお試しください。", world.FailureAuthentication: "お支払いが確認されませんでした。もう一度お試しください。",
			world.FailureAbandoned: "お支払いの有効時間が過ぎました。",
		},
	},
	{
		Lang: "hi", Title: "भुगतान", Order: "ऑर्डर", Amount: "राशि", Test: "यह एक परीक्षण है। कोई पैसा नहीं कटेगा और असली कार्ड नहीं लिया जाएगा।",
		Number: "कार्ड नंबर", Expiry: "वैधता (MM/YY)", Code: "सुरक्षा कोड", Pay: "%s चुकाएँ", Back: "रद्द करें और दुकान पर लौटें",
		Cards: "आज़माने के लिए कार्ड", Card: "कार्ड नंबर", Does: "क्या होता है",
		Bank: "आपका बैंक पूछता है: क्या आप %s चुकाना चाहते हैं?", Confirm: "हाँ, चुकाएँ", Refuse: "नहीं, मना करें",
		Paid: "भुगतान हो गया", PaidLead: "अपना ऑर्डर देखने के लिए दुकान पर लौटें।", Over: "यह भुगतान समाप्त हो चुका है", OverLead: "यहाँ कुछ नहीं काटा गया। दुकान पर लौटें।",
		Continue: "दुकान पर लौटें", Problem: "भुगतान नहीं हो सका", Unknown: "यह नीचे दिए गए परीक्षण कार्डों में से नहीं है।",
		Failures: map[string]string{
			world.FailureDeclined: "आपके बैंक ने मना कर दिया। दूसरा कार्ड आज़माएँ।", world.FailureFunds: "इस कार्ड में पर्याप्त राशि नहीं है। दूसरा कार्ड आज़माएँ।",
			world.FailureExpiredCard: "इस कार्ड की वैधता समाप्त हो चुकी है। दूसरा कार्ड आज़माएँ।", world.FailureAuthentication: "भुगतान की पुष्टि नहीं हुई। फिर से कोशिश करें।",
			world.FailureAbandoned: "इस भुगतान का समय समाप्त हो गया।",
		},
	},
}
