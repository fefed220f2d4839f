package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const run = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0}
{"Action":"run","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    p_test.go:9: two is not three\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":0}
{"Action":"output","Package":"p","Test":"TestGPU","Output":"=== RUN   TestGPU\n"}
{"Action":"output","Package":"p","Test":"TestGPU","Output":"    p_test.go:5: needs a GPU\n"}
{"Action":"output","Package":"p","Test":"TestGPU","Output":"--- SKIP: TestGPU (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestGPU","Elapsed":0}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p","Elapsed":0.25}
{"Action":"output","Package":"q","Output":"?   q [no test files]\n"}
{"Action":"skip","Package":"q","Elapsed":0}
{"ImportPath":"r [r.test]","Action":"build-output","Output":"r/r.go:3:1: syntax error\n"}
{"ImportPath":"r [r.test]","Action":"build-fail"}
{"Action":"output","Package":"r","Output":"FAIL r [build failed]\n"}
{"Action":"fail","Package":"r","Elapsed":0,"FailedBuild":"r [r.test]"}
`

func TestASummaryShowsFailuresAndNamesSkippedTests(t *testing.T) {
	var out strings.Builder
	s := newSummary(&out)
	require.NoError(t, s.read(strings.NewReader(run)))
	s.printSkipped()
	require.Equal(t, `=== RUN   TestBad
    p_test.go:9: two is not three
--- FAIL: TestBad (0.00s)
FAIL  p  0.2s
r/r.go:3:1: syntax error
FAIL r [build failed]
FAIL  r  0.0s
skip  p TestGPU: p_test.go:5: needs a GPU
`, out.String())
	require.Equal(t, "tests: 1 passed, 2 failed, 1 skipped", s.count())
}

func TestAPanicThatEndsAPackageIsShown(t *testing.T) {
	var out strings.Builder
	s := newSummary(&out)
	require.NoError(t, s.read(strings.NewReader(`{"Action":"output","Package":"p","Output":"panic: in TestMain\n"}
{"Action":"fail","Package":"p","Elapsed":0}
go: a line that is no event
`)))
	require.Equal(t, "panic: in TestMain\nFAIL  p  0.0s\ngo: a line that is no event\n", out.String())
	require.Equal(t, "tests: 0 passed, 1 failed, 0 skipped", s.count())
}

func TestTheMostSevereOutcomeOfSeveralRunsCounts(t *testing.T) {
	event := func(action, name string) string {
		return `{"Action":"` + action + `","Package":"p","Test":"` + name + `"}` + "\n"
	}
	var out strings.Builder
	s := newSummary(&out)
	require.NoError(t, s.read(strings.NewReader(event("pass", "A")+event("skip", "B")+event("pass", "C")+event("skip", "D"))))
	require.NoError(t, s.read(strings.NewReader(event("pass", "A")+event("pass", "B")+event("fail", "C")+event("skip", "D"))))
	require.Equal(t, "tests: 2 passed, 1 failed, 1 skipped", s.count())
}
