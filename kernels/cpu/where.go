package cpu

import "unsafe"

// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.
func init() {
	register("where", on(second, bySize(where[uint8](), where[uint16](), where[uint32](), where[uint64]())))
}

func where[T any]() form {
	part := func(a *Args) strip {
		s0, s1, s2 := step(a.single[0]), step(a.single[1]), step(a.single[2])
		if f := rows.Ternary["where"]; f != nil && unsafe.Sizeof(*new(T)) == 4 && numel(a.Output.Shape) >= fewExact {
			return func(out unsafe.Pointer, in *operands, n int) {
				f((*byte)(out), (*byte)(in[0]), (*byte)(in[1]), (*byte)(in[2]), n, s0, s1, s2)
			}
		}
		return func(out unsafe.Pointer, in *operands, n int) {
			whereLoop(stretch[T](out, n), operand[uint8]{in[0], uintptr(-s0)}, operand[T]{in[1], uintptr(-s1)}, operand[T]{in[2], uintptr(-s2)})
		}
	}
	return form{bind: mapped(part), part: part}
}

func whereLoop[T any](out []T, cond operand[uint8], x, y operand[T]) {
	for i := range out {
		if cond.at(i) != 0 {
			out[i] = x.at(i)
		} else {
			out[i] = y.at(i)
		}
	}
}
