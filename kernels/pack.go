package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// listSize is how many elements a list has as a kernel's parameter.
const listSize = 8

// pack lays out a launch's scalars and sizes.
func (l *launcher) pack() ([][]byte, error) {
	k := l.kernel
	args := make([][]byte, 0, len(k.Scalars)+len(k.Sizes))
	for i, s := range k.Scalars {
		dtype := l.output.DType
		if s.dtype != "" {
			dtype = s.dtype
		}
		arg, err := packScalar(s.Type, l.scalars[i], dtype)
		if err != nil {
			return nil, fmt.Errorf("kernel %s: the scalar %s: %w", k.Name, s.Name, err)
		}
		if arg != nil {
			args = append(args, arg)
		}
	}
	for i, v := range l.mergedSizes() {
		arg, err := packSize(k.Sizes[i].Type, v)
		if err != nil {
			return nil, fmt.Errorf("kernel %s: the size %s: %w", k.Name, k.Sizes[i].Name, err)
		}
		args = append(args, arg)
	}
	return args, nil
}

// PackArguments lays out a launch's Args as one struct of C's, as languages take
// them that have scalars and sizes in one: each at its natural alignment, 8 bytes for
// one of 64 bits and 4 for others and lists of them, and the whole filled up to a
// multiple of the largest.
func PackArguments(args [][]byte) []byte {
	var all []byte
	largest := 1
	pad := func(alignment int) {
		for len(all)%alignment != 0 {
			all = append(all, 0)
		}
	}
	for _, arg := range args {
		alignment := 4
		if len(arg) == 8 {
			alignment = 8
		}
		pad(alignment)
		all = append(all, arg...)
		largest = max(largest, alignment)
	}
	pad(largest)
	return all
}

// mergedSizes gives the sizes with every shape merged along with its strides.
func (l *launcher) mergedSizes() []any {
	all := append([]any(nil), l.sizes...)
	for i, s := range l.kernel.Sizes {
		if s.Type != "shape" {
			continue
		}
		indices, lists := []int{i}, [][]int{all[i].([]int)}
		for j := i + 1; j < len(all) && l.kernel.Sizes[j].Type != "shape"; j++ {
			if l.kernel.Sizes[j].Type == "strides" {
				indices, lists = append(indices, j), append(lists, all[j].([]int))
			}
		}
		for n, merged := range merge(lists) {
			all[indices[n]] = merged
		}
	}
	return all
}

// merge takes a shape and lists of strides through it. It leaves out dimensions of
// size 1, and merges neighbours that all lists go through evenly: where the outer
// stride is the inner one times the inner size.
func merge(lists [][]int) [][]int {
	merged := make([][]int, len(lists))
	for d, n := range lists[0] {
		if n == 1 {
			continue
		}
		last := len(merged[0]) - 1
		even := last >= 0
		for i := 1; even && i < len(lists); i++ {
			even = merged[i][last] == lists[i][d]*n
		}
		if even {
			merged[0][last] *= n
			for i := 1; i < len(lists); i++ {
				merged[i][last] = lists[i][d]
			}
			continue
		}
		for i, list := range lists {
			merged[i] = append(merged[i], list[d])
		}
	}
	return merged
}

// packScalar lays out a scalar for computing elements of a dtype. An ints
// isn't passed: it gives nil.
func packScalar(kind string, v any, output string) ([]byte, error) {
	switch v := v.(type) {
	case bool:
		return packInt(intOf(v))
	case []int:
		return nil, nil
	case int:
		switch {
		case kind == "long" || kind == "number" && output == "i64":
			return packLong(v), nil
		case kind == "int" || kind == "number" && output == "i32":
			return packInt(v)
		}
		return packNumber(float64(v), output), nil
	case float64:
		return packNumber(v, output), nil
	}
	return nil, fmt.Errorf("%v (%T) can't be passed", v, v)
}

// packNumber lays out a number in the type in which elements of a dtype are
// computed.
func packNumber(v float64, dtype string) []byte {
	le := binary.LittleEndian
	switch dtype {
	case "bool":
		return le.AppendUint32(nil, uint32(intOf(v != 0)))
	case "u8":
		return le.AppendUint32(nil, uint32(saturated(v, 0, math.MaxUint8)))
	case "i32":
		return le.AppendUint32(nil, uint32(saturated(v, math.MinInt32, math.MaxInt32)))
	case "i64":
		return packLong(int(saturated(v, math.MinInt64, math.MaxInt64)))
	case "f64":
		return le.AppendUint64(nil, math.Float64bits(v))
	case "f16", "bf16":
		return le.AppendUint32(nil, math.Float32bits(oddFloat32(v)))
	}
	return le.AppendUint32(nil, math.Float32bits(float32(v)))
}

// saturated drops the fraction; what doesn't fit becomes the nearest that does,
// and NaN 0.
func saturated(v float64, low, high int64) int64 {
	switch {
	case v != v:
		return 0
	case v <= float64(low):
		return low
	case v >= float64(high):
		return high
	}
	return int64(v)
}

// oddFloat32 rounds towards zero, and if that loses something sets the last bit:
// rounded again, to f16 or bf16, the result is as if it had been rounded once.
func oddFloat32(v float64) float32 {
	f := float32(v)
	bits := math.Float32bits(f)
	switch d := float64(f); {
	case d == v || v != v:
		return f
	case math.Abs(d) > math.Abs(v):
		bits--
	}
	return math.Float32frombits(bits | 1)
}

func intOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// packSize lays out a size. Lists are reversed: the innermost dimension
// comes first.
func packSize(kind string, v any) ([]byte, error) {
	switch kind {
	case "int":
		return packInt(v.(int))
	case "long":
		return packLong(v.(int)), nil
	case "shape", "dims":
		return packList(v.([]int), 1)
	}
	return packList(v.([]int), 0)
}

func packLong(v int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

func packInt(v int) ([]byte, error) { return appendInt(nil, v) }

func appendInt(to []byte, v int) ([]byte, error) {
	if v != int(int32(v)) {
		return nil, fmt.Errorf("%d doesn't fit 32 bits", v)
	}
	return binary.LittleEndian.AppendUint32(to, uint32(v)), nil
}

// packList lays out a list, innermost first, filled up with a value.
func packList(list []int, filler int) ([]byte, error) {
	if len(list) > listSize {
		return nil, fmt.Errorf("%v has more than %d dimensions", list, listSize)
	}
	arg := make([]byte, 0, 4*listSize)
	for i := range listSize {
		v := filler
		if i < len(list) {
			v = list[len(list)-1-i]
		}
		var err error
		if arg, err = appendInt(arg, v); err != nil {
			return nil, err
		}
	}
	return arg, nil
}
