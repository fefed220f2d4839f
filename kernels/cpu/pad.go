package cpu

import "slices"

// pad: x with a value around it.
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after. Bound by bytes.
func init() {
	register("pad", on(first, variants{boolean: pad(boolValue), u8: pad(u8Value), i32: pad(i32Value), i64: pad(asInt),
		f16: pad(f16Value), bf16: pad(bf16Value), f32: pad(f32Value), f64: pad(asFloat)}))
}

func pad[T any](value func(any) T) binder {
	return func(a *Args) func() {
		in, padding := a.input(0), a.ints(0)
		x, out, around := view[T](in), view[T](a.Output), value(a.scalar(1))
		if len(padding) != 2*len(in.Shape) {
			fail("%d paddings don't fit the shape %v", len(padding), in.Shape)
		}
		shape := slices.Clone(in.Shape)
		for d := range shape {
			if padding[2*d] < 0 || padding[2*d+1] < 0 {
				fail("padding can't be negative: %v", padding)
			}
			shape[d] += padding[2*d] + padding[2*d+1]
		}
		mustBe(a.Output, shape)
		strides := stridesOf(shape)
		base := 0
		for d := range strides {
			base += padding[2*d] * strides[d]
		}
		w := newWalk(in.Shape, stridesOf(in.Shape), strides)
		return func() {
			fill(out, around)
			if len(x) == 0 {
				return
			}
			var c cursor
			for range w.rows {
				scatterRow(out[base+c.at[1]:], x[c.at[0]:c.at[0]+w.n], w.strides[1])
				c.next(w)
			}
		}
	}
}

// scatterRow lays the elements of a row down stride apart: where the inner
// dimensions have size 1 and are padded, neighbours don't stay neighbours.
func scatterRow[T any](out, row []T, stride int) {
	if stride == 1 {
		copy(out, row)
		return
	}
	for i, v := range row {
		out[i*stride] = v
	}
}

func fill[T any](out []T, v T) {
	for i := range out {
		out[i] = v
	}
}
