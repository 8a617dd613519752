package directory

// isPlainDN reports whether a DN is valid because it consists of types of ASCII letters,
// digits and '-', and of values of ASCII letters, digits, '-', '.', '_', '@' and blanks
// inside. For other valid DNs it returns false. Nearly every DN of a directory is plain,
// and this is many times faster than AppendNormalDN.
func isPlainDN(dn []byte) bool {
	for i := 0; ; i++ {
		start := i
		for i < len(dn) && dnBytes[dn[i]]&typeByte != 0 {
			i++
		}
		if i == start || dn[start] <= '9' || i == len(dn) || dn[i] != '=' {
			return false
		}
		i++
		start = i
		for i < len(dn) && dnBytes[dn[i]]&valueByte != 0 {
			i++
		}
		if i == start || dn[start] == ' ' || dn[i-1] == ' ' {
			return false
		}
		if i == len(dn) {
			return true
		}
		if dn[i] != ',' {
			return false
		}
	}
}

// appendPlainDN appends the normal form of a DN, which is also the folded one, if the DN
// is plain and its normal form is the DN itself in lower case. For other DNs it returns
// dst unchanged and false.
func appendPlainDN(dst, dn []byte) (out []byte, ok bool) {
	out = append(dst, dn...)
	b := out[len(dst):]
	for i := 0; ; i++ {
		start := i
		for ; i < len(b); i++ {
			c := foldedTypes[b[i]]
			if c == 0 {
				break
			}
			b[i] = c
		}
		// A longer type may be another name of a usual one.
		if i == start || i-start >= shortestAlias || b[start] <= '9' || i == len(b) || b[i] != '=' {
			return dst, false
		}
		i++
		last := byte(' ')
		for ; i < len(b); i++ {
			c := foldedValues[b[i]]
			if c == 0 || c == ' ' && last == ' ' {
				break
			}
			b[i], last = c, c
		}
		switch {
		case last == ' ': // the value is empty, or has a blank at an end
			return dst, false
		case i == len(b):
			return out, true
		case b[i] != ',':
			return dst, false
		}
	}
}

// The classes of bytes in a plain DN.
const (
	typeByte  uint8 = 1 << iota // in a type: letters, digits, '-'
	valueByte                   // in a value: letters, digits, '-', '.', '_', '@', ' '
)

// dnBytes contains the classes of each byte.
var dnBytes = makeDNBytes()

// foldedTypes and foldedValues contain each byte of a plain type or value in lower case,
// and 0 for other bytes.
var foldedTypes, foldedValues = makeFolded(typeByte), makeFolded(valueByte)

func makeDNBytes() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case c-'0' < 10, c-'a' < 26, c-'A' < 26, c == '-':
			t[i] = typeByte | valueByte
		case c == '.', c == '_', c == '@', c == ' ':
			t[i] = valueByte
		}
	}
	return t
}

func makeFolded(class uint8) (t [256]byte) {
	for i, have := range makeDNBytes() {
		if have&class != 0 {
			t[i] = lowerASCII(byte(i))
		}
	}
	return t
}
