package cpu

// eye: 1 on the diagonal, else 0.
//
// → out [n, m]. Bound by bytes.
func init() {
	register("eye", on(output, variants[binder]{boolean: eye(boolValue), u8: eye(u8Value), i32: eye(i32Value), i64: eye(asInt),
		f16: eye(f16Value), bf16: eye(bf16Value), f32: eye(f32Value), f64: eye(asFloat)}))
}

func eye[T any](value func(any) T) binder {
	return func(a *Args) func() {
		out, one := view[T](a.Output), value(1)
		if len(a.Output.Shape) != 2 {
			fail("the output has the shape %v; two dimensions were expected", a.Output.Shape)
		}
		n, m := a.Output.Shape[0], a.Output.Shape[1]
		return func() {
			clear(out)
			for i := range min(n, m) {
				out[i*m+i] = one
			}
		}
	}
}
