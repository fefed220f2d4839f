package checkpoint

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Run is a run that writes checkpoints. One that is interrupted and resumes from
// its last checkpoint stays the same run; one that goes back to an earlier
// checkpoint is another, with that as its parent.
type Run struct {
	ID      string  // "" for files of versions that knew no runs
	Order   int64   // how many runs have been made in the folder before it
	Parents []Point // the oldest first
}

// Point is a checkpoint of a run.
type Point struct {
	ID   string // of the run
	Step int64
}

// holds reports whether a run's checkpoint of a step is one of this run, or one
// that it has come from.
func (r Run) holds(p Point) bool {
	return r.ID == p.ID || slices.ContainsFunc(r.Parents, func(q Point) bool { return q.ID == p.ID && p.Step <= q.Step })
}

// child is the run that goes back to a checkpoint of this one.
func (r Run) child(step, order int64) Run {
	from := Point{r.ID, step}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", from, order))
	return Run{
		ID:      fmt.Sprintf("%x", sum[:idBytes]),
		Order:   order,
		Parents: append(r.Parents[:len(r.Parents):len(r.Parents)], from),
	}
}

// NewRun is a new run. What it computes, and from which values, gives
// it its name: the same run again writes the same files.
func NewRun(facts string, values io.WriterTo) (Run, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d:%s", len(facts), facts)
	_, err := values.WriteTo(sum)
	return Run{ID: fmt.Sprintf("%x", sum.Sum(nil)[:idBytes])}, err
}

// idBytes are enough for no two runs to have one name.
const idBytes = 8

// String is RUN@STEP.
func (p Point) String() string { return p.ID + "@" + strconv.FormatInt(p.Step, 10) }

// encode writes the run into a file's metadata.
func (r Run) encode(metadata map[string]string) {
	parents := make([]string, len(r.Parents))
	for i, p := range r.Parents {
		parents[i] = p.String()
	}
	metadata[runKey], metadata[orderKey] = r.ID, strconv.FormatInt(r.Order, 10)
	metadata[parentsKey] = strings.Join(parents, " ")
}

// decodeRun reads what encode wrote.
func decodeRun(metadata map[string]string) (Run, error) {
	r := Run{ID: metadata[runKey]}
	if r.ID == "" {
		return r, nil
	}
	var err error
	if r.Order, err = strconv.ParseInt(metadata[orderKey], 10, 64); err != nil {
		return r, fmt.Errorf("%s in its metadata is %q, not a number", orderKey, metadata[orderKey])
	}
	for _, text := range strings.Fields(metadata[parentsKey]) {
		id, step, _ := strings.Cut(text, "@")
		n, err := strconv.ParseInt(step, 10, 64)
		if err != nil {
			return r, fmt.Errorf("%s in its metadata has %q, not RUN@STEP", parentsKey, text)
		}
		r.Parents = append(r.Parents, Point{id, n})
	}
	return r, nil
}
