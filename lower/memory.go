package lower

import (
	"container/heap"
	"fmt"
	"math"
	"math/bits"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/lower/place"
)

// memory assigns offsets. Homes and kept values have offsets of their own in the
// kept memory of their space. Transient values share its arena: they reuse the
// memory of values after their last use. In the small arenas of asynchronous devices
// they don't, since commands that share no memory needn't wait for each other there.
func memory(p *Plan) error {
	last := lastUses(p)
	dying := make([][]*ir.Node, len(p.Graph.Nodes)) // by the node that uses them last
	taken := make([]bool, len(p.Graph.Nodes))
	p.Spaces = make([]Space, len(p.Targets))
	shared := p.shared()
	arenas := make([]*arena, len(p.Targets))
	for i := range arenas {
		arenas[i] = newArena()
	}
	for _, n := range p.Graph.Nodes {
		v := p.Value(n)
		switch {
		case isGiven(n):
		case v.Alias:
			v.Offset = p.Value(n.Inputs[0]).Offset
		case v.Storage == Home || v.Storage == Kept:
			v.Offset = p.Spaces[n.Space].Kept
			p.Spaces[n.Space].Kept = place.Sum(v.Offset, p.room(n))
		case v.Storage == Transient:
			if from := p.takesOver(n, last); from != nil && shared[n.Space] {
				v.Offset = p.Value(from).Offset
				taken[from.ID] = true
			} else {
				v.Offset = arenas[n.Space].take(p.room(n))
			}
			if last[n.ID] != forever {
				dying[last[n.ID]] = append(dying[last[n.ID]], n)
			}
		}
		for _, d := range dying[n.ID] {
			if !taken[d.ID] && shared[d.Space] {
				arenas[d.Space].release(p.Value(d).Offset, p.room(d))
			}
		}
	}
	for i, a := range arenas {
		p.Spaces[i].Arena = a.size
		if place.Sum(p.Spaces[i].Kept, a.size) == endless {
			return p.tooLarge(i)
		}
	}
	return nil
}

// endless is the largest size, at which sums of bytes saturate.
const endless = math.MaxInt64

// tooLarge is the error of a plan that needs more memory than can be addressed: its
// offsets are meaningless, and can't be compared with what a device has.
func (p *Plan) tooLarge(space int) error {
	var largest *ir.Node
	for _, n := range p.Graph.Nodes {
		if n.Space == space && (largest == nil || p.Value(n).Bytes > p.Value(largest).Bytes) {
			largest = n
		}
	}
	return &Error{Range: largest.Origin, Rule: "out-of-memory",
		Msg:  fmt.Sprintf("the program needs more than 2^63 bytes on %s; the largest value is %s, %s", p.Targets[space].Name, largest.Label(), largest.Type),
		Help: "make batches smaller, or place a part on another device"}
}

// roomy is the largest arena in which values don't share memory, in bytes.
const roomy = 4 << 20

// shared tells in which spaces transient values share memory.
func (p *Plan) shared() []bool {
	bytes := make([]int64, len(p.Targets))
	for _, n := range p.Graph.Nodes {
		if v := p.Value(n); v.Storage == Transient {
			bytes[n.Space] = place.Sum(bytes[n.Space], p.room(n))
		}
	}
	shared := make([]bool, len(p.Targets))
	for i, t := range p.Targets {
		shared[i] = !t.Async || bytes[i] > roomy
	}
	return shared
}

// room is the number of bytes that a node's value occupies in its space. Values of
// the host are aligned as the device requires that has aliases of them.
func (p *Plan) room(n *ir.Node) int64 {
	to := max(p.Targets[n.Space].Alignment, Alignment)
	if n.Space == 0 {
		to = max(to, p.Targets[p.Shared].Alignment)
	}
	return place.Align(p.Value(n).Bytes, to)
}

// forever is the last use of values that are read after the last node.
const forever = -1

// lastUses gives, by node ID, the position up to which a value must live: that of
// its last user, or of an alias's, or its own if it has none; forever for states'
// next values, since commits come after everything else.
func lastUses(p *Plan) []int {
	last := make([]int, len(p.Graph.Nodes))
	for i, n := range p.Graph.Nodes {
		last[i] = i
		for _, in := range n.Inputs {
			last[in.ID] = i
		}
	}
	for _, n := range p.Graph.Nodes {
		if p.Value(n).Alias {
			of := n.Inputs[0].ID
			last[of] = max(last[of], last[n.ID])
		}
	}
	for _, s := range p.Graph.States {
		if s.Next != nil {
			last[s.Next.ID] = forever
		}
	}
	return last
}

// takesOver finds an operand over which n may be written: one whose last use n is,
// and of which the kernel reads each element before writing it.
func (p *Plan) takesOver(n *ir.Node, last []int) *ir.Node {
	for _, in := range n.Inputs {
		v := p.Value(in)
		if v.Storage == Transient && !v.Alias && v.Bytes > 0 && last[in.ID] == n.ID && in.Space == n.Space && p.mayOverwriteAll(n, in) {
			return in
		}
	}
	return nil
}

// arena allocates the transient memory of one space. Free blocks are kept by the
// power of two of their size, lowest address first; adjacent free blocks are merged.
// Allocation depends on addresses and sizes alone, so equal graphs get equal plans,
// and takes little more than constant time.
type arena struct {
	size    int64
	classes [64]starts
	free    map[int64]int64 // start -> bytes
	ends    map[int64]int64 // end -> start
}

// starts is a heap of block starts; stale ones are skipped.
type starts []int64

func (s starts) Len() int           { return len(s) }
func (s starts) Less(i, j int) bool { return s[i] < s[j] }
func (s starts) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *starts) Push(x any)        { *s = append(*s, x.(int64)) }
func (s *starts) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}

func newArena() *arena { return &arena{free: map[int64]int64{}, ends: map[int64]int64{}} }

func class(n int64) int { return bits.Len64(uint64(n)) }

// take finds n bytes.
func (a *arena) take(n int64) int64 {
	if n == 0 {
		return 0
	}
	for c := class(n); c < len(a.classes); c++ {
		start, ok := a.lowest(c)
		if !ok || a.free[start] < n {
			continue
		}
		return a.split(start, n)
	}
	// No block that was tried fits. The free block at the end may fit; otherwise it
	// is extended, or the arena is.
	start, ok := a.ends[a.size]
	switch {
	case !ok:
		start = a.size
	case a.free[start] >= n:
		return a.split(start, n)
	default:
		a.drop(start)
	}
	a.size = place.Sum(start, n)
	return start
}

// split takes n bytes off a free block's front.
func (a *arena) split(start, n int64) int64 {
	size := a.free[start]
	a.drop(start)
	if size > n {
		a.add(start+n, size-n)
	}
	return start
}

// lowest gives the first free block of a class.
func (a *arena) lowest(c int) (int64, bool) {
	h := &a.classes[c]
	for len(*h) > 0 {
		start := (*h)[0]
		if size, ok := a.free[start]; ok && class(size) == c {
			return start, true
		}
		heap.Pop(h)
	}
	return 0, false
}

// release gives n bytes back.
func (a *arena) release(start, n int64) {
	if n == 0 {
		return
	}
	if place.Sum(start, n) == endless {
		return // the arena is too large to exist
	}
	if s, ok := a.ends[start]; ok {
		n += start - s
		a.drop(s)
		start = s
	}
	if size, ok := a.free[start+n]; ok {
		a.drop(start + n)
		n += size
	}
	a.add(start, n)
}

func (a *arena) add(start, n int64) {
	a.free[start] = n
	a.ends[start+n] = start
	heap.Push(&a.classes[class(n)], start)
}

func (a *arena) drop(start int64) {
	delete(a.ends, start+a.free[start])
	delete(a.free, start)
}
