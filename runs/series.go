package runs

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Point is the value of a metric after so many steps.
type Point struct {
	Step  float64
	Value float64 // NaN where it is no number
}

// Series is a metric over the steps of a run: all of its points where they are few, and
// else the lowest and the highest of equally many steps each.
type Series struct {
	Name      string
	Count     int64 // of points
	NonFinite int64 // of those, how many are no numbers
	First     Point
	Last      Point
	Min, Max  Point // NaN if there is no number

	width   float64 // of a bucket, in steps
	buckets []bucket
}

// bucket is what is kept of the points of some steps.
type bucket struct {
	index       float64 // its first step is index × width
	first, last Point
	low, high   Point // NaN if it has no number
}

// maxBuckets is how many are kept of a series. Each is up to four points of a curve.
const maxBuckets = 4096

func newSeries(name string) *Series {
	none := Point{math.NaN(), math.NaN()}
	return &Series{Name: name, width: 1, Min: none, Max: none}
}

// add adds a point. Steps mostly grow; where they don't, as after a run was continued from
// an older checkpoint, the point goes where its step belongs.
func (s *Series) add(p Point) {
	if s.Count == 0 {
		s.First = p
	}
	s.Count++
	s.Last = p
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		s.NonFinite++
		p.Value = math.NaN()
	} else {
		s.Min, s.Max = lower(s.Min, p), higher(s.Max, p)
	}
	s.put(p)
	for len(s.buckets) > maxBuckets {
		s.halve()
	}
}

func lower(a, b Point) Point {
	if !(a.Value <= b.Value) { // also where a is NaN
		return b
	}
	return a
}

func higher(a, b Point) Point {
	if !(a.Value >= b.Value) {
		return b
	}
	return a
}

func (s *Series) put(p Point) {
	index := math.Floor(p.Step / s.width)
	at := len(s.buckets) - 1
	if at < 0 || s.buckets[at].index != index {
		var there bool
		at, there = slices.BinarySearchFunc(s.buckets, index, func(b bucket, i float64) int { return cmp.Compare(b.index, i) })
		if !there {
			s.buckets = slices.Insert(s.buckets, at, bucket{index, p, p, p, p})
			return
		}
	}
	s.buckets[at] = s.buckets[at].with(bucket{index, p, p, p, p})
}

// with is a bucket with the points of a later one.
func (b bucket) with(c bucket) bucket {
	b.last = c.last
	if !math.IsNaN(c.low.Value) {
		b.low, b.high = lower(b.low, c.low), higher(b.high, c.high)
	}
	return b
}

// halve makes buckets twice as wide.
func (s *Series) halve() {
	s.width *= 2
	wider := s.buckets[:0]
	for _, b := range s.buckets {
		b.index = math.Floor(b.index / 2)
		if n := len(wider); n > 0 && wider[n-1].index == b.index {
			wider[n-1] = wider[n-1].with(b)
		} else {
			wider = append(wider, b)
		}
	}
	s.buckets = wider
}

// Points is the curve: for each bucket its first, lowest, highest and last point, in the
// order of steps. Where there is no number, there is a point with NaN.
func (s *Series) Points() (points []Point) {
	for _, b := range s.buckets {
		here := []Point{b.first, b.low, b.high, b.last}
		if !math.IsNaN(b.low.Value) { // gaps inside of a bucket don't show
			here = slices.DeleteFunc(here, func(p Point) bool { return math.IsNaN(p.Value) })
		}
		slices.SortStableFunc(here, func(a, b Point) int { return cmp.Compare(a.Step, b.Step) })
		points = append(points, slices.CompactFunc(here, func(a, b Point) bool {
			return a == b || a.Step == b.Step && math.IsNaN(a.Value) && math.IsNaN(b.Value)
		})...)
	}
	return points
}

// stepKey is the member of a line that says which step it is of, as it is written.
var stepKey = []byte(`"step"`)

// beside are members of lines that aren't metrics.
var beside = []string{"step"}

// Series reads the metrics of the run: those named, or all if none is. They are in the
// order in which they first occur; a metric that never occurs isn't among them. It takes
// bounded memory, however many lines there are. Lines that can't be read are left out, and
// a problem of the run.
func (r *Run) Series(names ...string) (list []*Series) {
	in := &seriesReader{names: names, known: map[string]*Series{}}
	number, bad, firstBad := 0, 0, 0
	err := r.eachLine(0, func(line []byte) error {
		number++
		if len(line) > 0 && in.line(line) != nil {
			if bad++; bad == 1 {
				firstBad = number
			}
		}
		return nil
	})
	if err != nil {
		r.problem("%s: %s", MetricsFile, err)
	}
	if bad > 0 {
		r.problem("%s: %s can't be read, line %d first: %s", MetricsFile, diag.Count(bad, "line"), firstBad, errLine)
	}
	return in.list
}

// seriesReader gathers series from lines.
type seriesReader struct {
	names []string
	list  []*Series
	known map[string]*Series
	slots []slot // the members of the line before, in its order
	row   []float64
}

// slot is a member of a line: its key as it is written, and its series; nil: it has none.
type slot struct {
	key    []byte
	series *Series
}

func (in *seriesReader) line(line []byte) error {
	in.row = in.row[:0]
	step := math.NaN()
	err := pairs(line, func(key []byte, v float64) {
		i := len(in.row)
		switch {
		case i == len(in.slots):
			in.slots = append(in.slots, in.slot(key))
		case !bytes.Equal(in.slots[i].key, key):
			in.slots[i] = in.slot(key)
		}
		in.row = append(in.row, v)
		if bytes.Equal(key, stepKey) {
			step = v
		}
	})
	if err != nil || math.IsNaN(step) {
		return errLine
	}
	for i, v := range in.row {
		if s := in.slots[i].series; s != nil {
			s.add(Point{step, v})
		}
	}
	return nil
}

func (in *seriesReader) slot(key []byte) slot {
	name := keyName(key)
	s := in.known[name]
	if s == nil && !slices.Contains(beside, name) && (len(in.names) == 0 || slices.Contains(in.names, name)) {
		s = newSeries(name)
		in.known[name] = s
		in.list = append(in.list, s)
	}
	return slot{bytes.Clone(key), s}
}
