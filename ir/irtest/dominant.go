package irtest

import "github.com/flowrun/flowrun/ir"

// Dominant makes element i of matrices from a number between -1 and 1: the elements off
// the diagonals become so small that those of a row or a column add up to less than 1,
// and those on it are from 2 to 4.
func Dominant(v float64, i int, shape ir.Shape) float64 {
	rows, cols := shape[len(shape)-2], shape[len(shape)-1]
	if i/cols%rows == i%cols {
		return 3 + v
	}
	return v / float64(max(rows, cols))
}
