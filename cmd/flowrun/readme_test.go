package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
)

// Every command of the README that begins with "flowrun" is run, in its order, in a
// folder that has nothing but the graphs.
func TestTheCommandsOfTheREADMEWork(t *testing.T) {
	if racetest.Enabled {
		t.Skip("trains twice to the end")
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	graphs, err := filepath.Abs("../../graphs")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.CopyFS("graphs", os.DirFS(graphs)))
	commands := regexp.MustCompile(`(?m)^flowrun ([^#\n]*)`).FindAllStringSubmatch(string(readme), -1)
	require.GreaterOrEqual(t, len(commands), 10)
	for _, m := range commands {
		args := strings.Fields(m[1])
		code, out, errors := flowrunWith(t, args...)
		require.Equal(t, exitDone, code, "%s\n%s", m[0], errors)
		if args[0] == "runs" && runtime.GOARCH == "amd64" { // elsewhere bits differ, and so may a point
			_, curves, drawn := strings.Cut(out, "\n\n")
			require.True(t, drawn)
			require.Contains(t, string(readme), curves, "the curves that the README shows")
		}
		if args[0] == "infer" && args[1] == "graphs/iris.yaml" {
			require.Contains(t, shortened(string(readme)), shortened(out), "the predictions that the README shows")
		}
		if args[0] == "infer" && args[1] == "graphs/math_net.yaml" {
			_, list, _ := strings.Cut(out, "{")
			bits := ""
			for _, text := range strings.Split(strings.TrimSuffix(list, "}\n"), ", ") {
				v, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err, out)
				bits += fmt.Sprint(math.Round(v))
			}
			require.Equal(t, "01110", strings.ReplaceAll(bits, "-0", "0"), "9 + 5, the lowest bit first")
		}
	}
}

// shortened leaves four digits of the numbers in a text: the last ones depend on the
// processor's instruction set.
func shortened(text string) string {
	return regexp.MustCompile(`\d\.\d{5,}(e-?\d+)?`).ReplaceAllStringFunc(text, func(number string) string {
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return number
		}
		return strconv.FormatFloat(v, 'g', 4, 64)
	})
}

// A relative link of a page leads to a file.
func TestLinksInThePagesWork(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	tops, err := filepath.Glob("../../*.md")
	require.NoError(t, err)
	for _, page := range append(tops, pages...) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			require.NoError(t, err, "%s links to it", page)
		}
	}
}
