package order

// MixLimit is the largest sum of weights.
const MixLimit = 1 << 20

// Mix draws examples of several sources by weight: in each run of as many examples as the
// weights' sum, exactly so many of each, in an order of its own. An epoch is the fewest
// whole runs in which each source is passed once at least. It isn't safe for concurrent
// use.
type Mix struct {
	weights []int64
	total   int64
	runs    int64
	key     Key

	run    int64 // that source and number are of; -1: none
	source []int32
	number []int64 // which of the source's examples of this run
	next   []int64
	random draws
}

// NewMix makes a mix of sources with so many examples each.
func NewMix(weights, examples []int64, key Key) *Mix {
	m := &Mix{weights: weights, key: key, run: -1}
	for i, w := range weights {
		m.total += w
		m.runs = max(m.runs, (examples[i]+w-1)/w)
	}
	m.source = make([]int32, m.total)
	m.number = make([]int64, m.total)
	m.next = make([]int64, len(weights))
	return m
}

// Len is the number of examples of an epoch.
func (m *Mix) Len() int64 { return m.runs * m.total }

// At gives what is drawn, counted over all epochs: a source, and how many of the source's
// examples were drawn before.
func (m *Mix) At(draw int64) (source int, number int64) {
	if run := draw / m.total; run != m.run {
		m.shuffle(run)
	}
	at := draw % m.total
	s := m.source[at]
	return int(s), m.run*m.weights[s] + m.number[at]
}

// shuffle draws the order of a run.
func (m *Mix) shuffle(run int64) {
	m.run = run
	m.random.Seed(m.key.With(run))
	i := 0
	for s, w := range m.weights {
		for range w {
			j := int(m.random.below(uint64(i) + 1))
			m.source[i] = m.source[j]
			m.source[j] = int32(s)
			i++
		}
	}
	clear(m.next)
	for i, s := range m.source {
		m.number[i] = m.next[s]
		m.next[s]++
	}
}
