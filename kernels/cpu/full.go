package cpu

// full: one value everywhere.
//
// → out [...]. Bound by bytes.
func init() {
	register("full", on(output, variants[binder]{boolean: full(boolValue), u8: full(u8Value), i32: full(i32Value), i64: full(asInt),
		f16: full(f16Value), bf16: full(bf16Value), f32: full(f32Value), f64: full(asFloat)}))
}

func full[T any](value func(any) T) binder {
	return func(a *Args) func() {
		v, out := value(a.scalar(0)), view[T](a.Output)
		return func() { fill(out, v) }
	}
}
