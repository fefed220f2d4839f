package cpu

// embedding: rows of a table by their ids. An id out of range gives a row of NaN, or of
// 0 in types without it.
//
// ids [...], weight [n, d] → out [..., d]. Bound by bytes.
func init() {
	register("embedding", on(second, bySize(embedding[uint8], embedding[uint16], embedding[uint32], embedding[uint64])))
}

func embedding[T word](a *Args) func() {
	ids, table := a.input(0), a.input(1)
	weight, out := view[T](table), view[T](a.Output)
	if len(table.Shape) != 2 {
		fail("the weight has the shape %v; two dimensions were expected", table.Shape)
	}
	n, d := table.Shape[0], table.Shape[1]
	mustBe(a.Output, append(append([]int(nil), ids.Shape...), d))
	none := T(missing(table.DType))
	read, places := indices(ids, n)
	return func() {
		read()
		for i, id := range places {
			to := out[i*d : (i+1)*d]
			if id < 0 {
				fill(to, none)
				continue
			}
			copy(to, weight[id*d:])
		}
	}
}
