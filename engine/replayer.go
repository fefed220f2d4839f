package engine

import "slices"

// replayer keeps the tapes of steps by their work. It knows when the next step has
// the same work as the last one, so that its tape can be replayed without looking,
// and updates versions, edges and statistics for such replays when somebody asks.
type replayer struct {
	*values
	stats *Stats
	tapes map[uint64][]*tape

	last   *tape  // what the last step replayed, if nothing happened since
	steady *tape  // what the next step will run, if nothing is written before
	behind uint64 // steady replays not yet counted
}

// maxTapes bounds the number of tapes. A program settles into one or two; a caller
// that writes at random doesn't benefit from them.
const maxTapes = 64

// find gives the tape that was recorded under exactly this work, or nil.
func (r *replayer) find(key uint64, work []int32) *tape {
	for _, t := range r.tapes[key] {
		if r.matches(t, work) {
			return t
		}
	}
	return nil
}

// keep adds a tape.
func (r *replayer) keep(key uint64, t *tape) {
	if len(r.tapes) >= maxTapes {
		r.forget()
	}
	r.tapes[key] = append(r.tapes[key], t)
}

// record begins a tape of a step with this work.
func (r *replayer) record(work []int32) *tape {
	t := &tape{nodes: slices.Clone(work), due: slices.Clone(r.due)}
	for _, n := range work {
		t.marked = append(t.marked, r.nodes[n].marked)
	}
	return t
}

// key hashes a step's work.
func (r *replayer) key(work []int32) uint64 {
	h := uint64(14695981039346656037)
	add := func(x uint64) { h = (h ^ x) * 1099511628211 }
	for _, n := range work {
		x := uint64(n) << 1
		if r.nodes[n].marked {
			x |= 1
		}
		add(x)
	}
	for _, st := range r.due {
		add(uint64(st) | 1<<63)
	}
	return h
}

// matches reports whether a tape was recorded under exactly this work.
func (r *replayer) matches(t *tape, work []int32) bool {
	if !slices.Equal(t.nodes, work) || !slices.Equal(t.due, r.due) {
		return false
	}
	for i, n := range work {
		if t.marked[i] != r.nodes[n].marked {
			return false
		}
	}
	return true
}

// touched makes the next step determine its work: something has happened since the last.
func (r *replayer) touched() {
	r.catchUp()
	r.steady, r.last = nil, nil
}

// forget drops all tapes.
func (r *replayer) forget() {
	r.touched()
	r.free()
}

// free gives the captures of all tapes back, and drops the tapes.
func (r *replayer) free() {
	for _, tapes := range r.tapes {
		for _, t := range tapes {
			t.free()
		}
	}
	clear(r.tapes)
}

// catchUp updates versions, edges and statistics for the steady replays.
func (r *replayer) catchUp() {
	t, times := r.last, r.behind
	if times == 0 {
		return
	}
	r.behind = 0
	r.demand += times
	for i, n := range t.nodes {
		if t.marked[i] {
			r.nodes[n].version += times
		}
		r.nodes[n].computed = 0
	}
	for _, st := range t.commits {
		r.nodes[r.states[st].node].version += times - 1
	}
	for i, n := range t.nodes {
		if !t.marked[i] {
			continue
		}
		in := r.in(n)
		for j := range in {
			in[j].used = r.nodes[in[j].from].version
		}
	}
	for _, st := range t.commits {
		r.nodes[r.states[st].node].version++
		r.states[st].committed = r.nodes[r.states[st].next].version
	}
	r.stats.add(t.stats, int64(times))
}
