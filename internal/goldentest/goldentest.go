// Package goldentest compares generated text with the file that holds it. A test that
// fails prints the lines that changed and the command that writes the file anew.
package goldentest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files and generated pages anew")

// Equal compares a file with the text that it should hold; with -update it writes the
// file.
func Equal(t testing.TB, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\nto write it: %s", err, command(t.Name()))
	}
	if diff := Diff(string(have), want); diff != "" {
		t.Fatalf("%s is out of date:\n%sto update it: %s", file, diff, command(t.Name()))
	}
}

// command runs a test of the package in the working directory with -update.
func command(test string) string {
	dir, err := os.Getwd()
	if err != nil {
		return err.Error()
	}
	root := dir
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
			break
		}
		root = filepath.Dir(root)
	}
	folder, err := filepath.Rel(root, dir)
	if err != nil {
		folder = dir
	}
	top, _, _ := strings.Cut(test, "/")
	return fmt.Sprintf("go test ./%s -run '^%s$' -update", filepath.ToSlash(folder), top)
}

// maxLines is how many changed lines a diff shows.
const maxLines = 60

// Diff gives the lines that differ, each with its number: those of old with a minus,
// those of new with a plus. It is "" for equal texts.
func Diff(old, new string) string {
	if old == new {
		return ""
	}
	a, b := slices.Collect(strings.Lines(old)), slices.Collect(strings.Lines(new))
	first := 0
	for first < min(len(a), len(b)) && a[first] == b[first] {
		first++
	}
	a, b = a[first:], b[first:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var out []string
	line := func(sign string, i int, text string) {
		out = append(out, fmt.Sprintf("%s%5d  %s\n", sign, first+i+1, strings.TrimSuffix(text, "\n")))
	}
	common := commonLines(a, b)
	i, j := 0, 0
	for _, c := range append(common, [2]int{len(a), len(b)}) {
		for ; i < c[0]; i++ {
			line("-", i, a[i])
		}
		for ; j < c[1]; j++ {
			line("+", j, b[j])
		}
		i, j = c[0]+1, c[1]+1
	}
	if len(out) > maxLines {
		out = append(out[:maxLines], fmt.Sprintf("… and %d more lines\n", len(out)-maxLines))
	}
	return strings.Join(out, "")
}

// commonLines pairs the lines of a longest common subsequence. Texts whose comparison
// would take too long have none.
func commonLines(a, b []string) (pairs [][2]int) {
	if len(a)*len(b) > 4<<20 {
		return nil
	}
	longest := make([][]int, len(a)+1) // of a[i:] and b[j:]
	longest[len(a)] = make([]int, len(b)+1)
	for i := range slices.Backward(a) {
		longest[i] = make([]int, len(b)+1)
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
