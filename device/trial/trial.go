package trial

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/device/cuda"
	"github.com/flowrun/flowrun/device/internal/buildcache"
	"github.com/flowrun/flowrun/device/metal"
	"github.com/flowrun/flowrun/device/opencl"
)

// driver is what may have to be tried.
type driver struct {
	kind      string
	libraries func() []string // that it opens; none where there is nothing to fear
	look      func()          // for its devices

	lock   sync.Mutex
	passed bool
	last   answer // what is known of it, unless it has passed
}

var drivers = map[string]*driver{
	"cuda":   {kind: "cuda", libraries: cuda.Libraries, look: func() { cuda.Discover() }},
	"metal":  {kind: "metal", libraries: metal.Libraries, look: func() { metal.Discover() }},
	"opencl": {kind: "opencl", libraries: opencl.Libraries, look: func() { opencl.Discover() }},
}

// Died says that a driver didn't survive being asked for its devices.
type Died struct {
	How  string   // "was ended by a signal: SIGABRT (abort)"
	Said []string // the last lines that it wrote to its standard error
	Of   []string // which of several drivers that are registered with OpenCL's loader die alone too
}

// Error says what died and how.
func (d *Died) Error() string {
	text := "the driver isn't used: asked for its devices in a process of its own, it " + d.How
	if len(d.Said) > 0 {
		text += "; its last words: " + strings.Join(d.Said, " / ")
	}
	if len(d.Of) > 0 {
		text += "; of the drivers that are registered with OpenCL's loader, it is " + strings.Join(d.Of, " and ") +
			" (OCL_ICD_VENDORS with another one's file leaves it out)"
	}
	return text
}

// answer is what came of a trial.
type answer struct {
	Key  string    // of all that it depends on
	At   time.Time // when it was
	Died *Died     // nil: it went well
}

// lasting is for how long an answer is believed.
const lasting = 24 * time.Hour

// holds reports whether an answer is still good.
func (a answer) holds(key string, now time.Time) bool {
	age := now.Sub(a.At)
	return a.Key == key && age >= 0 && age < lasting
}

// Passed is nil if a driver's devices may be looked for in this process. Else the
// driver has died of it elsewhere, and the error is *[Died]. A driver is tried unless
// what came of it is remembered.
func Passed(kind string) error { return drivers[kind].ask(false) }

// Anew is Passed, but believes nothing that is remembered.
func Anew(kind string) error { return drivers[kind].ask(true) }

func (d *driver) ask(anew bool) error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.passed || len(d.libraries()) == 0 {
		return nil
	}
	key := buildcache.Key(fingerprint(d.kind, d.libraries())...)
	cache := buildcache.New("devices")
	if !anew {
		if !d.last.holds(key, time.Now()) {
			d.last = recall(cache, key)
		}
		if d.last.holds(key, time.Now()) {
			return d.conclude()
		}
	}
	died, certain := try(d.kind, timeout())
	if died != nil && certain && d.kind == "opencl" {
		died.Of = culprits()
	}
	d.last = answer{Key: key, At: time.Now(), Died: died}
	if certain {
		remember(cache, d.last)
	} else {
		d.last.At = time.Time{} // it may go otherwise the next time
	}
	return d.conclude()
}

// culprits are those of several drivers that are registered with OpenCL's loader that
// die when they are the only one.
func culprits() (culprits []string) {
	const most = 8
	files := registrations()
	if len(files) < 2 || len(files) > most {
		return nil
	}
	for _, file := range files {
		if died, _ := try("opencl", timeout()/4, vendorsVariable+"="+file); died != nil {
			culprits = append(culprits, file)
		}
	}
	return culprits
}

// conclude makes an error of what is known. A driver that has passed is about to be
// asked in this process: there is nothing left to try.
func (d *driver) conclude() error {
	if d.last.Died != nil {
		return d.last.Died
	}
	d.passed = true
	return nil
}

// recall gives what is remembered under a key; the zero answer, which never holds, if
// that is nothing.
func recall(cache buildcache.Cache, key string) (a answer) {
	if text := cache.Load(key); text != nil && json.Unmarshal(text, &a) != nil {
		return answer{}
	}
	return a
}

func remember(cache buildcache.Cache, a answer) {
	if text, err := json.Marshal(a); err == nil {
		cache.Store(a.Key, text)
	}
}

// Discover looks for a driver's devices in this process, if it has passed. Where there
// are none, missing says why.
func Discover[Info any](kind string, look func() ([]Info, string)) (devices []Info, missing string) {
	if err := Passed(kind); err != nil {
		return nil, err.Error()
	}
	return look()
}
