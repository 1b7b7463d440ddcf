package invoice

import "meridian/engine/tax"

// indianState is a state or union territory as GST knows it.
type indianState struct {
	code  string // the first two digits of its GSTINs
	name  string
	union bool // a territory without a legislature: UTGST in the place of SGST
}

// indianStates by ISO 3166-2:IN. Codes are those of the GST network.
var indianStates = map[string]indianState{
	"IN-JK": {"01", "Jammu and Kashmir", false}, "IN-HP": {"02", "Himachal Pradesh", false},
	"IN-PB": {"03", "Punjab", false}, "IN-CH": {"04", "Chandigarh", true},
	"IN-UK": {"05", "Uttarakhand", false}, "IN-HR": {"06", "Haryana", false},
	"IN-DL": {"07", "Delhi", false}, "IN-RJ": {"08", "Rajasthan", false},
	"IN-UP": {"09", "Uttar Pradesh", false}, "IN-BR": {"10", "Bihar", false},
	"IN-SK": {"11", "Sikkim", false}, "IN-AR": {"12", "Arunachal Pradesh", false},
	"IN-NL": {"13", "Nagaland", false}, "IN-MN": {"14", "Manipur", false},
	"IN-MZ": {"15", "Mizoram", false}, "IN-TR": {"16", "Tripura", false},
	"IN-ML": {"17", "Meghalaya", false}, "IN-AS": {"18", "Assam", false},
	"IN-WB": {"19", "West Bengal", false}, "IN-JH": {"20", "Jharkhand", false},
	"IN-OD": {"21", "Odisha", false}, "IN-CG": {"22", "Chhattisgarh", false},
	"IN-MP": {"23", "Madhya Pradesh", false}, "IN-GJ": {"24", "Gujarat", false},
	"IN-DH": {"26", "Dadra and Nagar Haveli and Daman and Diu", true}, "IN-MH": {"27", "Maharashtra", false},
	"IN-KA": {"29", "Karnataka", false}, "IN-GA": {"30", "Goa", false},
	"IN-LD": {"31", "Lakshadweep", true}, "IN-KL": {"32", "Kerala", false},
	"IN-TN": {"33", "Tamil Nadu", false}, "IN-PY": {"34", "Puducherry", false},
	"IN-AN": {"35", "Andaman and Nicobar Islands", true}, "IN-TS": {"36", "Telangana", false},
	"IN-AP": {"37", "Andhra Pradesh", false}, "IN-LA": {"38", "Ladakh", true},
}

// hsn are the headings of the goods that a bakery sells.
var hsn = map[string]string{
	"bread": "1905", "pizza_bread": "1905", "cake": "1905", "pastry": "1905", "biscuit": "1905", "chocolate_biscuit": "1905",
	"soft_drink": "2202",
}

// restaurant is the service code of food that is eaten in.
const restaurant = "996331"

// HSN is the code that India asks for beside goods of a class, or beside the
// service when they are eaten in; "" for a class whose code is not known.
func HSN(class string, mode tax.Mode) string {
	if mode == tax.EatIn {
		return restaurant
	}
	return hsn[class]
}
