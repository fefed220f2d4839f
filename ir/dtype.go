package ir

// DType is the type of a tensor's elements.
type DType uint8

// The element types. Bool is one byte, 0 or 1. U8 is for storage, indices and labels:
// no arithmetic is done in it.
const (
	Invalid DType = iota
	Bool
	U8
	I32
	I64
	F16
	BF16
	F32
	F64
)

var dtypes = [...]struct {
	name string
	size int
}{
	Invalid: {"invalid", 0},
	Bool:    {"bool", 1},
	U8:      {"u8", 1},
	I32:     {"i32", 4},
	I64:     {"i64", 8},
	F16:     {"f16", 2},
	BF16:    {"bf16", 2},
	F32:     {"f32", 4},
	F64:     {"f64", 8},
}

// String gives the name used in specs, messages and kernels: "f32". A number that is
// none of the dtypes, which only Go's conversions make, is "invalid".
func (d DType) String() string {
	if d > F64 {
		d = Invalid
	}
	return dtypes[d].name
}

// Size is the number of bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

// IsFloat reports whether d is one of the floating types.
func (d DType) IsFloat() bool { return d >= F16 }

// IsInt reports whether d is an integer type; Bool is not.
func (d DType) IsInt() bool { return d >= U8 && d <= I64 }

// HasInt reports whether v is a value of an integer type or of Bool.
func (d DType) HasInt(v int64) bool {
	switch d {
	case Bool:
		return v == 0 || v == 1
	case U8:
		return v == int64(uint8(v))
	case I32:
		return v == int64(int32(v))
	}
	return d == I64
}

// IsHalf reports whether d is one of the floating types of 16 bits, which values
// are kept in, and nothing is computed in.
func (d DType) IsHalf() bool { return d == F16 || d == BF16 }

// Wide is the dtype in which values of d are computed: f32 for f16 and bf16, d
// itself for all others.
func (d DType) Wide() DType {
	if d.IsHalf() {
		return F32
	}
	return d
}

// DTypeNames lists the names of all dtypes, narrowest first.
func DTypeNames() []string {
	var names []string
	for _, d := range dtypes[1:] {
		names = append(names, d.name)
	}
	return names
}

// ParseDType finds a dtype by its name.
func ParseDType(name string) (DType, bool) {
	for d, t := range dtypes {
		if d > 0 && t.name == name {
			return DType(d), true
		}
	}
	return Invalid, false
}

// Promote gives the dtype in which a and b meet, by PyTorch's rules: bool below
// integers below floats; the wider of two integers or of two floats; f16 with
// bf16 is f32.
func Promote(a, b DType) DType {
	if a == F16 && b == BF16 || a == BF16 && b == F16 {
		return F32
	}
	return max(a, b)
}
