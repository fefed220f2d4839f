package trial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/opencl"
)

// compile builds a shared library from C, in a folder of its own.
func compile(t *testing.T, name, source string) (folder string) {
	t.Helper()
	var compiler string
	for _, c := range []string{"clang-19", "cc", "gcc", "clang"} {
		if path, err := exec.LookPath(c); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" || runtime.GOOS != "linux" || len(opencl.Libraries()) == 0 {
		t.Skip("needs Linux, the drivers and a C compiler")
	}
	folder = t.TempDir()
	text := "#define _GNU_SOURCE\n#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n" + source
	require.NoError(t, os.WriteFile(filepath.Join(folder, "x.c"), []byte(text), 0o600))
	command := exec.Command(compiler, "-w", "-shared", "-fPIC", "-o", filepath.Join(folder, name), filepath.Join(folder, "x.c"))
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return folder
}

// library builds a library with all functions of a driver. One of them does something: the
// variable DOES selects which of several things. Each call is counted in the file that
// COUNT names.
func library(t *testing.T, kind, function string, does ...string) (folder string) {
	t.Helper()
	api, err := os.ReadFile("../" + kind + "/api.go")
	require.NoError(t, err)
	prefix := map[string]string{"opencl": "cl", "cuda": "cu"}[kind]
	names := regexp.MustCompile(`"(`+prefix+`[A-Z]\w+)"`).FindAllStringSubmatch(string(api), -1)
	require.NotEmpty(t, names)
	text := `static void does(void) {
	FILE *count = getenv("COUNT") ? fopen(getenv("COUNT"), "a") : 0;
	if (count) { fputs("x", count); fclose(count); }
	fprintf(stderr, "warming up\n\n"); fprintf(stderr, "\033[31mline 3 is bad\n");
	switch (getenv("DOES") ? atoi(getenv("DOES")) : 0) {
`
	for i, what := range does {
		text += fmt.Sprintf("case %d: %s; break;\n", i, what)
	}
	text += "} }\n"
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n[1]] {
			continue
		}
		seen[n[1]] = true
		body := "return 1;"
		switch n[1] {
		case function:
			body = "does(); return 1;"
		case "cuInit":
			body = "return 0;"
		}
		text += "int " + n[1] + "(void) { " + body + " }\n"
	}
	if function == "constructor" {
		text += "__attribute__((constructor)) void begin(void) { does(); }\n"
	} else {
		require.True(t, seen[function], function)
	}
	return compile(t, map[string]string{"opencl": "libOpenCL.so.1", "cuda": "libcuda.so.1"}[kind], text)
}

// Processes started by the tests look for devices here.
func init() {
	look := map[string]func() ([]device.Info, string){"opencl": opencl.Discover, "cuda": cuda.Discover}
	Serve(func(kind string) bool {
		look[kind]()
		return true
	})
}

// untried returns a driver without a result in memory.
func untried(kind string) func(retry bool) error {
	d := map[string]*Driver{
		"opencl": {Libraries: opencl.Libraries, Reads: opencl.Reads, Plugins: opencl.Plugins, Only: opencl.Only},
		"cuda":   {Libraries: cuda.Libraries},
	}[kind]
	return func(retry bool) error { return d.Passed(kind, retry) }
}

// environment sets up a test's cache, and a folder of libraries for the processes that it
// starts.
func environment(t *testing.T, folder string) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	t.Setenv("LD_LIBRARY_PATH", folder)
	t.Setenv("FLOWRUN_DEVICE_TIMEOUT", "30s")
}

// deaths are ways for a driver to die, and how each is reported.
var deaths = []struct{ does, how string }{
	{"abort()", "was killed by a signal: SIGABRT (abort)"},
	{"*(volatile int *)0 = 1", "was killed by a signal: SIGSEGV (segmentation violation)"},
	{"__builtin_trap()", "was killed by a signal: SIG"}, // ILL or TRAP, depending on the processor
	{"signal(SIGABRT, SIG_DFL); abort()", "was killed by a signal: aborted"},
	{"raise(SIGKILL)", "was killed by a signal: killed"},
	{"exit(0)", "exited (code 0)"},
	{"_exit(0)", "exited (code 0)"},
	{"exit(7)", "exited (code 7)"},
	{"if (fork() == 0) sleep(5); else _exit(3)", "exited (code 3)"},
}

// A process that a driver has started and left behind is killed with the trial.
func TestNoProcessOfATrialIsLeftBehind(t *testing.T) {
	written := filepath.Join(t.TempDir(), "pid")
	environment(t, library(t, "opencl", "clGetPlatformIDs", `if (fork() == 0) {
		FILE *f = fopen(getenv("WRITTEN"), "w");
		fprintf(f, "%d", (int)getpid());
		fclose(f);
		for (;;) sleep(1);
	} else { sleep(1); _exit(3); }`))
	t.Setenv("WRITTEN", written)
	require.ErrorContains(t, untried("opencl")(false), "exited (code 3)")
	text, err := os.ReadFile(written)
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(state), ") Z ") // gone, or waiting for init to see it
	}, 10*time.Second, 10*time.Millisecond)
}

func TestACrashingDriverEndsOnlyTheTrialAndIsReported(t *testing.T) {
	for kind, functions := range map[string][]string{"opencl": {"clGetPlatformIDs", "constructor"}, "cuda": {"cuInit", "cuDeviceGetCount"}} {
		for _, function := range functions {
			var does []string
			for _, death := range deaths {
				does = append(does, death.does)
			}
			folder := library(t, kind, function, does...)
			for i, death := range deaths {
				t.Run(function+" "+death.does, func(t *testing.T) {
					environment(t, folder)
					t.Setenv("DOES", fmt.Sprint(i))
					err := untried(kind)(false)
					died := new(Died)
					require.ErrorAs(t, err, &died)
					require.Contains(t, died.How, death.how)
					require.Equal(t, []string{"warming up", `"\x1b[31mline 3 is bad"`}, died.Said)
					require.ErrorContains(t, err, "in a trial process, listing its devices, it "+death.how)
				})
			}
		}
	}
}

func TestAHangingDriverIsKilled(t *testing.T) {
	environment(t, library(t, "opencl", "clGetPlatformIDs", `for (;;) fputs("still here\n", stderr)`))
	t.Setenv("FLOWRUN_DEVICE_TIMEOUT", "500ms")
	err := untried("opencl")(false)
	require.ErrorContains(t, err, "did not answer within 500ms (FLOWRUN_DEVICE_TIMEOUT, a duration, sets this limit); its last output: still here / ")
	require.Less(t, len(err.Error()), 500, "however much it writes")
}

func TestADriverThatOnlyPrintsPasses(t *testing.T) {
	talk := []string{``, `printf("garbage"); fflush(stdout)`, `write(1, "\0\n\xff\n", 4)`, `for (int i = 0; i < 100000; i++) puts("garbage")`}
	folder := library(t, "opencl", "clGetPlatformIDs", talk...)
	for i, does := range talk {
		environment(t, folder)
		t.Setenv("DOES", fmt.Sprint(i))
		require.NoError(t, untried("opencl")(false), does)
	}
}

// The installed loader calls the drivers registered with it.
func TestDriversRegisteredWithTheLoaderAreTriedToo(t *testing.T) {
	installed := found("libOpenCL.so.1", libraryFolders())
	if len(installed) < 3 {
		t.Skip("no loader is installed")
	}
	for _, death := range deaths[:5] { // the others don't depend on the loader
		folder := t.TempDir()
		register(t, folder, "x", death.does)
		environment(t, t.TempDir())
		t.Setenv("OCL_ICD_VENDORS", folder)
		err := untried("opencl")(false)
		require.ErrorContains(t, err, death.how, death.does)
		require.NotContains(t, err.Error(), "registered", "there is only one")
	}
}

func TestTheReportNamesTheDriversThatCrash(t *testing.T) {
	if len(found("libOpenCL.so.1", libraryFolders())) < 3 {
		t.Skip("no loader is installed")
	}
	folder := t.TempDir()
	register(t, folder, "bad", "abort()")
	register(t, folder, "well", "")
	register(t, folder, "worse", "exit(0)")
	environment(t, t.TempDir())
	t.Setenv("OCL_ICD_VENDORS", folder)
	err := untried("opencl")(false)
	require.ErrorContains(t, err, fmt.Sprintf("registered with its loader: %[1]s/bad.icd, %[1]s/worse.icd (OCL_ICD_VENDORS=FILE selects", folder))
	require.Equal(t, err, untried("opencl")(false), "this is cached too")
	t.Setenv("OCL_ICD_VENDORS", filepath.Join(folder, "well.icd"))
	require.NoError(t, untried("opencl")(false), "as the message suggests")
}

// register registers a driver with OpenCL's loader, in a folder. It does something when
// its platforms are queried.
func register(t *testing.T, folder, name, does string) {
	t.Helper()
	library := compile(t, "driver.so", `
int clIcdGetPlatformIDsKHR(unsigned n, void **p, unsigned *count) { `+does+`; if (count) *count = 0; return -1001; }
int clGetPlatformInfo(void *p, unsigned what, size_t size, void *value, size_t *needed) { return -30; }
void *clGetExtensionFunctionAddress(const char *name) { return strcmp(name, "clIcdGetPlatformIDsKHR") ? 0 : (void *)clIcdGetPlatformIDsKHR; }
`)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".icd"), []byte(filepath.Join(library, "driver.so")+"\n"), 0o600))
}

func TestATrialIsRepeatedOnlyIfSomethingChanges(t *testing.T) {
	for _, does := range []string{"", "abort()"} {
		t.Run(does, func(t *testing.T) { remembered(t, does) })
	}
}

func remembered(t *testing.T, does string) {
	folder := library(t, "opencl", "clGetPlatformIDs", does)
	environment(t, folder)
	count := filepath.Join(t.TempDir(), "count")
	t.Setenv("COUNT", count)
	icds := t.TempDir()
	t.Setenv("OCL_ICD_VENDORS", icds)
	tried := func() int {
		text, _ := os.ReadFile(count)
		return len(text)
	}
	first := untried("opencl")
	want := first(false)
	require.Equal(t, does != "", want != nil)
	require.Equal(t, 1, tried())
	for _, change := range []struct {
		what  string
		do    func()
		again bool
	}{
		{"nothing", func() {}, false},
		{"a variable that drivers don't read", func() { t.Setenv("SHLVL", "77") }, false},
		{"a variable that drivers read", func() { t.Setenv("POCL_DEVICES", "basic basic basic") }, true},
		{"the library", func() {
			now := time.Now().Add(time.Hour)
			require.NoError(t, os.Chtimes(filepath.Join(folder, "libOpenCL.so.1"), now, now))
		}, true},
		{"a driver is registered", func() {
			require.NoError(t, os.WriteFile(filepath.Join(icds, "a.icd"), []byte("/nowhere/a.so\n"), 0o600))
		}, true},
		{"the driver that is registered", func() {
			require.NoError(t, os.WriteFile(filepath.Join(icds, "a.icd"), []byte(filepath.Join(icds, "b.so")+"\n"), 0o600))
		}, true},
		{"its library", func() { require.NoError(t, os.WriteFile(filepath.Join(icds, "b.so"), []byte("no library"), 0o600)) }, true},
		{"another cache", func() { t.Setenv("FLOWRUN_CACHE", t.TempDir()) }, true},
	} {
		before := tried()
		change.do()
		for range 2 { // by another process, and by this one
			d := untried("opencl")
			require.Equal(t, want, d(false), change.what)
			require.Equal(t, want, d(false), change.what)
		}
		after := before
		if change.again {
			after++
		}
		require.Equal(t, after, tried(), change.what)
	}
	before := tried()
	require.Equal(t, want, untried("opencl")(true))
	require.Equal(t, before+1, tried(), "again")
}

func TestAKilledTrialIsRepeated(t *testing.T) {
	signals := []string{"SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"}
	var does []string
	for _, signal := range signals {
		does = append(does, "signal("+signal+", SIG_DFL); raise("+signal+")")
	}
	folder := library(t, "opencl", "clGetPlatformIDs", does...)
	for i, signal := range signals {
		environment(t, folder)
		t.Setenv("DOES", fmt.Sprint(i))
		count := filepath.Join(t.TempDir(), "count")
		t.Setenv("COUNT", count)
		d := untried("opencl")
		for i := range 3 {
			require.Error(t, d(false), signal)
			text, err := os.ReadFile(count)
			require.NoError(t, err)
			require.Len(t, text, i+1, signal)
		}
	}
}

func TestATrialIsValidForADay(t *testing.T) {
	now := time.Now()
	for age, holds := range map[time.Duration]bool{0: true, 23 * time.Hour: true, 24 * time.Hour: false, 1000 * time.Hour: false, -time.Minute: false} {
		require.Equal(t, holds, answer{Key: "a", At: now.Add(-age)}.holds("a", now), age)
		require.False(t, answer{Key: "a", At: now.Add(-age)}.holds("b", now))
	}
	require.False(t, answer{}.holds("", now))
}

func TestADriverThatHasPassedIsNotTriedAgain(t *testing.T) {
	environment(t, library(t, "opencl", "clGetPlatformIDs", ""))
	d := untried("opencl")
	require.NoError(t, d(false))
	environment(t, library(t, "opencl", "clGetPlatformIDs", "abort()"))
	require.NoError(t, d(true), "it has been opened in this process")
}

func TestWithoutLibrariesThereIsNothingToTry(t *testing.T) {
	d := &Driver{Libraries: func() []string { return nil }}
	require.NoError(t, d.Passed("none", false))
	require.False(t, d.passed)
}

// TestTheProcessOfATrialEndsWithItsParent starts one with a driver that hangs, and closes
// its input, as a dying parent would.
func TestTheProcessOfATrialEndsWithItsParent(t *testing.T) {
	environment(t, library(t, "opencl", "clGetPlatformIDs", "sleep(1000)"))
	program, ok := startable()
	require.True(t, ok)
	command := exec.Command(program)
	command.Args = []string{argument, "opencl", "word"}
	input, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() })
	require.NoError(t, input.Close())
	require.ErrorContains(t, command.Wait(), "exit status 1")
}

func TestLinesAreTheLastFew(t *testing.T) {
	e := new(ending)
	for i := range 100000 {
		fmt.Fprintf(e, "line %d\n", i)
	}
	require.Less(t, len(e.text), 3*keptBytes)
	fmt.Fprint(e, strings.Repeat("é", 1000)+"\n  \n\nSIGABRT: abort\nPC=0x1\n")
	lines := e.lines()
	require.Equal(t, []string{"line 99998", "line 99999"}, lines[:2])
	require.Equal(t, strings.Repeat("é", shownBytes/2)+"…", lines[2])
	require.False(t, slices.Contains(lines, "PC=0x1"))
}
