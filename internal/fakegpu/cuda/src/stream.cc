// Streams and events.

#include "fake.h"

Handles<Stream> streams{"stream", {}};

unsigned random(unsigned n) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return unsigned(state >> 33) % n;
}

static void runFirst(Stream *s) {
    Work first = std::move(s->queue.front());
    s->queue.pop_front();
    if (!s->context->lost || first.name == "cuMemFreeAsync") first.run();
}

void enqueue(Stream *s, std::string name, std::function<void()> run) {
    s->queue.push_back({std::move(name), std::move(run)});
    if (!s->lazy && random(8) == 0)
        for (unsigned n = random(unsigned(s->queue.size()) + 1); n > 0 && !s->queue.empty(); n--) runFirst(s);
}

void drain(Stream *s) {
    while (!s->queue.empty()) runFirst(s);
}

Stream *stream(const char *function, Stream *s) {
    Context *c = current(function);
    if (streams.check(function, s)->context != c) wrong(function, "the stream is another context's");
    return s;
}

// A recording of an event: done when its stream has reached it.
struct Mark {
    bool done = false;
    Stream *stream;
};

struct Event {
    Context *context;
    std::shared_ptr<Mark> mark;
};

static Handles<Event> events{"event", {}};

extern "C" {

Result cuStreamCreate(Stream **s, unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    *s = streams.add(new Stream{current("cuStreamCreate"), {}});
    return SUCCESS;
}

Result cuStreamSynchronize(Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    drain(stream("cuStreamSynchronize", s));
    s->lazy = random(2) == 0;
    return s->context->lost;
}

Result cuStreamDestroy_v2(Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    drain(stream("cuStreamDestroy", s));
    streams.remove("cuStreamDestroy", s);
    return SUCCESS;
}

Result cuEventCreate(Event **e, unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    *e = events.add(new Event{current("cuEventCreate"), nullptr});
    return SUCCESS;
}

Result cuEventRecord(Event *e, Stream *s) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuEventRecord", s);
    if (events.check("cuEventRecord", e)->context != s->context) wrong("cuEventRecord", "the event is another context's");
    auto mark = std::make_shared<Mark>();
    mark->stream = s;
    e->mark = mark;
    enqueue(s, "cuEventRecord", [mark] { mark->done = true; });
    return s->context->lost;
}

// A stream waits for the event's latest recording.
Result cuStreamWaitEvent(Stream *s, Event *e, unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    stream("cuStreamWaitEvent", s);
    auto mark = events.check("cuStreamWaitEvent", e)->mark;
    if (!mark) return SUCCESS;
    enqueue(s, "cuStreamWaitEvent", [mark] {
        while (!mark->done && streams.live.count(mark->stream) && !mark->stream->queue.empty()) runFirst(mark->stream);
    });
    return s->context->lost;
}

Result cuEventDestroy_v2(Event *e) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    current("cuEventDestroy");
    events.remove("cuEventDestroy", e);
    return SUCCESS;
}
}
