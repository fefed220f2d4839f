package ir

import (
	"encoding/binary"
	"fmt"
)

// Indices describes an op's operand that picks elements by their places.
type Indices struct {
	Param  string            // the operand's name
	Called string            // what its elements are called: "ids"
	Size   func(n *Node) int // those from 0 to Size-1 are in range
	Writes bool              // elements are written there, not read
}

// OutOfRange describes indices that are out of range.
type OutOfRange struct {
	Called       string // what they are called: "ids"
	Count, Total int    // how many there are, among how many
	Value        int64  // the first
	At           []int  // where it is
	Size         int    // those from 0 to Size-1 are in range
}

// OutOfRange looks for indices out of range in the value of a node's operand of indices.
// It is nil if there are none, or if the node has no such operand.
func (n *Node) OutOfRange(indices *Tensor) *OutOfRange {
	if n.Op.Indices == nil {
		return nil
	}
	o := &OutOfRange{Called: n.Op.Indices.Called, Total: indices.Type.Shape.Numel(), Size: n.Op.Indices.Size(n)}
	for at := 0; ; at++ {
		next := FirstOutside(indices.Type.DType, indices.Data[at*indices.Type.DType.Size():], int64(o.Size))
		if next < 0 {
			break
		}
		if at += next; o.Count == 0 {
			o.Value, o.At = indices.Int(at), placeOf(at, indices.Type.Shape)
		}
		o.Count++
	}
	if o.Count == 0 {
		return nil
	}
	return o
}

// String gives "3 of 128 ids are out of range, the first is 70 at [2, 5]; ids are 0 to 64".
func (o *OutOfRange) String() string {
	first := fmt.Sprintf("%d", o.Value)
	if len(o.At) > 0 {
		first += " at " + Shape(o.At).String()
	}
	are := fmt.Sprintf("%s are 0 to %d", o.Called, o.Size-1)
	if o.Size < 1 {
		are = "there are none"
	}
	verb := "are"
	if o.Count == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d of %d %s %s out of range, the first is %s; %s", o.Count, o.Total, o.Called, verb, first, are)
}

// placeOf gives the coordinates of element i.
func placeOf(i int, s Shape) []int {
	at := make([]int, len(s))
	for d := len(s) - 1; d >= 0; d-- {
		at[d], i = i%s[d], i/s[d]
	}
	return at
}

// FirstOutside is the number of the first integer, in dense elements of a dtype, that isn't
// from 0 to size-1; -1 if there is none.
func FirstOutside(d DType, data []byte, size int64) int {
	limit := uint64(max(0, size)) // as unsigned numbers, negative ones are the largest
	switch d.Size() {
	case 1:
		for i, v := range data {
			if uint64(v) >= limit {
				return i
			}
		}
	case 4:
		low := uint32(min(limit, 1<<31))
		for i := 0; len(data) >= 4; i, data = i+1, data[4:] {
			if binary.LittleEndian.Uint32(data) >= low {
				return i
			}
		}
	default:
		for i := 0; len(data) >= 8; i, data = i+1, data[8:] {
			if binary.LittleEndian.Uint64(data) >= limit {
				return i
			}
		}
	}
	return -1
}
