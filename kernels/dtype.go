package kernels

// DTypes are the element types that buffers may have, narrowest first. A bool
// is one byte, 0 or 1; u8 is for storage, and no arithmetic is done in it; f16 and bf16 are two bytes, and kernels compute on them
// in f32.
var DTypes = []string{"bool", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"}

// DTypeSize is the number of bytes of one element; 0 for a name that is no
// dtype.
func DTypeSize(dtype string) int {
	switch dtype {
	case "bool", "u8":
		return 1
	case "f16", "bf16":
		return 2
	case "i32", "f32":
		return 4
	case "i64", "f64":
		return 8
	}
	return 0
}

// Numel is the number of elements of a shape: 1 for a scalar.
func Numel(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
