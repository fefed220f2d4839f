// Command testsummary reads what `go test -json` writes, from files or from
// standard input, and says it for people: a line for each package, everything
// that a failed test printed, every skipped test with its reason, and last the
// count:
//
//	tests: 123 passed, 0 failed, 4 skipped
//
// Of several files, each a run of the same tests, it prints the count alone. A
// test that failed in any run has failed; one that ran in any was not skipped.
// The exit code is 1 if anything failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	s := newSummary(os.Stdout)
	var err error
	switch names := os.Args[1:]; len(names) {
	case 0:
		err = s.read(os.Stdin)
		s.printSkipped()
	default:
		s.out = io.Discard
		for _, name := range names {
			if err == nil {
				err = s.readFile(name)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
	fmt.Println(s.count())
	if s.failed() > 0 {
		os.Exit(1)
	}
}

// event is a line of `go test -json` (see `go doc test2json`).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of what was built
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// test names a test; one without a name stands for its package.
type test struct{ pkg, name string }

// summary is what has happened so far.
type summary struct {
	out     io.Writer
	outcome map[test]string   // "pass", "fail" or "skip": the weightiest over all runs
	order   []test            // by the time they first ended
	printed map[test][]string // by tests that have not ended, and by those that were skipped
	builds  map[string]string // what the compiler printed, by import path
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, outcome: map[test]string{}, printed: map[test][]string{}, builds: map[string]string{}}
}

func (s *summary) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.read(f)
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil {
				s.event(e)
			} else {
				fmt.Fprint(s.out, line) // go's own words
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) event(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		s.builds[e.ImportPath] += e.Output
	case "output":
		s.printed[t] = append(s.printed[t], e.Output)
	case "pass", "skip", "fail":
		if e.Action == "fail" {
			fmt.Fprint(s.out, s.builds[e.FailedBuild])
			if e.Test != "" || !s.anyFailed(e.Package) {
				fmt.Fprint(s.out, strings.Join(s.printed[t], ""))
			}
		}
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.end(t, e.Action)
		}
		if e.Action != "skip" {
			delete(s.printed, t)
		}
	}
}

// endPackage prints a package's line. A package that failed without a failed
// test (it doesn't build, or it exited) counts as one.
func (s *summary) endPackage(e event) {
	switch {
	case e.Action == "fail":
		fmt.Fprintf(s.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
		if !s.anyFailed(e.Package) {
			s.end(test{pkg: e.Package}, "fail")
		}
	case e.Action == "pass":
		fmt.Fprintf(s.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

func (s *summary) end(t test, outcome string) {
	weight := map[string]int{"": 0, "skip": 1, "pass": 2, "fail": 3}
	before := s.outcome[t]
	if before == "" {
		s.order = append(s.order, t)
	}
	if weight[outcome] > weight[before] {
		s.outcome[t] = outcome
	}
}

func (s *summary) anyFailed(pkg string) bool {
	for t, outcome := range s.outcome {
		if t.pkg == pkg && outcome == "fail" {
			return true
		}
	}
	return false
}

// printSkipped names every skipped test with its reason, which is what it
// printed less go test's own lines.
func (s *summary) printSkipped() {
	for _, t := range s.order {
		if s.outcome[t] != "skip" {
			continue
		}
		var reason []string
		for _, line := range s.printed[t] {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
				reason = append(reason, line)
			}
		}
		fmt.Fprintf(s.out, "skip  %s %s: %s\n", t.pkg, t.name, strings.Join(reason, " "))
	}
}

func (s *summary) tally() map[string]int {
	n := map[string]int{}
	for _, outcome := range s.outcome {
		n[outcome]++
	}
	return n
}

func (s *summary) failed() int { return s.tally()["fail"] }

func (s *summary) count() string {
	n := s.tally()
	return fmt.Sprintf("tests: %d passed, %d failed, %d skipped", n["pass"], n["fail"], n["skip"])
}
