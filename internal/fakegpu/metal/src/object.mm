// Objects: which are alive, their reference counts, and their methods.

#include "objc.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

std::recursive_mutex lock;

struct Life {
    NSUInteger references;
    bool systems; // one reference is the system's
};

static std::unordered_map<id, Life> living;

// Deallocated objects keep their memory for long, so that messages to them are detected.
static const size_t remembered = 1 << 16;
static std::unordered_map<id, Class> dead;
static std::deque<id> graves;

// Class names without the prefix that hides ours from clients: MTLDevice is a protocol,
// not a class.
static std::string shortName(Class c) {
    std::string name = class_getName(c);
    return name.rfind("Fake", 0) == 0 ? name.substr(4) : name;
}

static bool isClass(id object) {
    static std::set<id> classes;
    if (classes.empty()) {
        Class all[256];
        int n = objc_getClassList(all, 256);
        for (int i = 0; i < n && i < 256; i++) classes.insert((id)all[i]);
    }
    return classes.count(object);
}

void wrong(const std::string &where, const std::string &what) {
    fprintf(stderr, "fake Metal: %s: %s\n", where.c_str(), what.c_str());
    fflush(stderr);
    abort();
}

std::string messageName(id self, SEL op) {
    Locked locked;
    std::string selector = op ? sel_getName(op) : "(no selector)";
    auto gone = dead.find(self);
    if (gone != dead.end()) return "-[" + shortName(gone->second) + " " + selector + "]";
    bool isMeta = isClass(self);
    return std::string(isMeta ? "+[" : "-[") + shortName(isMeta ? (Class)self : classOf(self)) + " " + selector + "]";
}

bool alive(id object) {
    Locked locked;
    return living.count(object);
}

void owned(id object) {
    Locked locked;
    living.at(object).systems = true;
}

size_t count(const char *className) {
    Locked locked;
    size_t n = 0;
    for (auto &l : living) n += shortName(classOf(l.first)) == className;
    return n;
}

id expect(id self, SEL op, id argument, const char *className, bool none) {
    Locked locked;
    if (!argument && none) return nil;
    if (!argument) wrong(messageName(self, op), std::string("nil was passed for ") + className);
    if (dead.count(argument)) wrong(messageName(self, op), "the " + shortName(dead[argument]) + " that was passed has been deallocated");
    if (!alive(argument)) wrong(messageName(self, op), std::string("the argument for ") + className + " is not an object");
    std::string is = shortName(classOf(argument));
    if (is != className) wrong(messageName(self, op), "expected " + std::string(className) + ", got " + is);
    return argument;
}

id create(Class c) {
    Locked locked;
    id object = class_createInstance(c, 0);
    living[object] = {1, false};
    return object;
}

// Methods are looked up once per class and selector.
struct Found {
    IMP method;     // null if there is none
    bool structure; // it returns one in memory
    long since;     // the macOS that introduced it
    bool last;      // sent only by the last release
};

static const Found &find(Class c, SEL op) {
    static std::map<std::pair<Class, SEL>, Found> known;
    auto at = known.find({c, op});
    if (at != known.end()) return at->second;
    Method m = class_getInstanceMethod(c, op);
    const char *name = sel_getName(op);
    Found f = {nullptr, false, macosOf(name), strcmp(name, "dealloc") == 0};
    if (m) f.method = method_getImplementation(m), f.structure = method_getTypeEncoding(m)[0] == '{';
    return known.insert({{c, op}, f}).first->second;
}

static bool there(const Found &f) { return f.method && f.since <= macos(); }

IMP fake_lookup(id self, SEL op, int structure) {
    if (!op) wrong("objc_msgSend", "there is no selector");
    if (!self) {
        if (structure > 0) wrong(std::string("objc_msgSend_stret to nil: ") + sel_getName(op), "the structure that nil returns is undefined");
        return fake_nothing;
    }
    Locked locked;
    if (dead.count(self)) wrong(messageName(self, op), "the object has been deallocated");
    if (!alive(self) && !isClass(self)) wrong(std::string("objc_msgSend: ") + sel_getName(op), "the receiver is not an object");
    const Found &f = find(classOf(self), op);
    if (!there(f)) wrong(messageName(self, op), "unrecognized selector");
    if (f.last) wrong(messageName(self, op), "only the last release may send it");
    if (structure < 0) return f.method;
    if (f.structure && !structure) wrong(messageName(self, op), "it returns a structure in memory: on x86-64 objc_msgSend_stret sends it");
    if (!f.structure && structure) wrong(messageName(self, op), "it doesn't return a structure in memory: objc_msgSend sends it");
    return f.method;
}

@implementation NSObject

+ (id)alloc {
    if (shortName(self) != class_getName(self)) WRONG("only the framework creates these");
    return create(self);
}

+ (id)new {
    return [[self alloc] init];
}

- (id)init {
    return self;
}

// Classes accept these messages, too, and live forever.

- (id)retain {
    Locked locked;
    if (!isClass(self)) living.at(self).references++;
    return self;
}

- (void)release {
    Locked locked;
    if (isClass(self)) return;
    auto at = living.find(self);
    if (at == living.end()) WRONG("it is released more often than it was retained");
    Life &life = at->second;
    if (life.systems && life.references == 1) WRONG("it is released more often than it was retained");
    if (--life.references > 0) return;
    [self dealloc];
    dead[self] = classOf(self);
    graves.push_back(self);
    living.erase(self);
    if (graves.size() > remembered) {
        dead.erase(graves.front());
        free(graves.front());
        graves.pop_front();
    }
}

- (NSUInteger)retainCount {
    Locked locked;
    return isClass(self) ? ~0ul : living.at(self).references;
}

- (Flag)respondsToSelector:(SEL)selector {
    Locked locked;
    return flag(there(find(classOf(self), selector)));
}

- (id)autorelease {
    if (!isClass(self)) autoreleased(self);
    return self;
}

- (void)dealloc {
}

@end
