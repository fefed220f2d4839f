package cpu

// broadcast_to: x repeated along dimensions in which it has one element, or none.
//
// x [...] → out, a shape to which x's broadcasts. Bound by bytes.
func init() {
	register("broadcast_to", on(first, bySize(broadcastTo[uint8], broadcastTo[uint16], broadcastTo[uint32], broadcastTo[uint64])))
}

func broadcastTo[T any](a *Args) func() {
	return strided[T](a, a.Output.Shape, 0, broadcastStrides(a.input(0), a.Output.Shape))
}
