package engine

// skips follows how many steps have changed nothing, as far as metrics are read.
type skips struct {
	step, skipped int64 // when they were read last
	known         bool
	row           int64 // the latest steps, all of which were skipped
	told          int64 // the row that was told of last; 0: none, -1: not even that there are any
	due           bool
}

// manySkips is how long a row of skipped steps is when it is told of first; later it has
// to be twice as long each time.
const manySkips = 100

// see takes the number of skipped steps after a step into account.
func (s *skips) see(step, skipped int64) {
	if !s.known {
		*s = skips{step: step, skipped: skipped, known: true, told: -1}
		s.due = skipped > 0
		if skipped == step {
			s.row = step
		}
		return
	}
	if taken := step - s.step; skipped-s.skipped == taken {
		s.row += taken
	} else {
		s.row = 0
		s.told = min(s.told, 0)
	}
	s.due = s.due || s.told < 0 && skipped > s.skipped || s.row >= max(manySkips, 2*s.told)
	s.step, s.skipped = step, skipped
}

// tellSkips reports skipped steps, on an unlocked session.
func (r *runner) tellSkips() {
	s := &r.skips
	if !s.due {
		return
	}
	s.due = false
	row := int64(0)
	if s.row >= manySkips {
		row = s.row
	}
	s.told = row
	if tell := r.loop.TellSkipped; tell != nil {
		tell(s.skipped, row)
	}
}
