package kernels_test

// poolingCases are windows over special values, windows without elements, and drawn ones.
func poolingCases(op string) []opCase {
	switch op {
	case "max_pool", "max_pool_index":
		over := func(in input, size, kernel, stride, padding, dilation []int) opCase {
			return one(list(size, kernel, stride, padding, dilation, false), in)
		}
		ints := func(v ...int) []int { return v }
		none := ints(0, 0)
		cases := []opCase{
			over(special(2, 7, 7), ints(6, 6), ints(2, 2), ints(1, 1), none, ints(1, 1)),
			over(special(49, 1), ints(25, 1), ints(3, 1), ints(2, 1), ints(1, 0), ints(1, 1)),
			over(plain(3, 1), ints(1), ints(2), ints(1), ints(1), ints(2)), // between the elements of the window
			over(plain(0, 4, 4), ints(2, 2), ints(2, 2), ints(2, 2), none, ints(1, 1)),
			one(list(ints(3, 5, 1), ints(1, 1, 1), ints(1, 1, 1), ints(0, 0, 0), ints(1, 1, 1), true), special(7, 7, 1)),
		}
		return append(cases, drawnCases(op, 10)...)
	}
	return nil
}

func drawnCases(op string, count int) (cases []opCase) {
	for seed := range count {
		cases = append(cases, drawnCase(op, seed))
	}
	return cases
}
