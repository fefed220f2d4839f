// NSString, NSArray and NSError.

#include "metal.h"

#include <cstring>

static const NSUInteger utf8Encoding = 4; // NSUTF8StringEncoding

// The number of UTF-16 units of a UTF-8 text, or -1 if it isn't valid.
static long units(const std::string &text) {
    long n = 0;
    for (size_t i = 0; i < text.size();) {
        unsigned char c = text[i];
        size_t bytes = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
        if (bytes == 0 || i + bytes > text.size()) return -1;
        for (size_t k = 1; k < bytes; k++)
            if ((text[i + k] & 0xc0) != 0x80) return -1;
        n += bytes == 4 ? 2 : 1;
        i += bytes;
    }
    return n;
}

NSString *newString(const std::string &text) {
    NSString *s = create(objc_getClass("NSString"));
    s->text = new std::string(text);
    return s;
}

NSArray *newArray(const std::vector<id> &objects) {
    NSArray *a = create(objc_getClass("NSArray"));
    a->objects = new std::vector<id>(objects);
    for (id o : objects) [o retain];
    return a;
}

NSError *newError(const char *domain, NSInteger code, const std::string &description) {
    NSError *e = create(objc_getClass("NSError"));
    e->domain = newString(domain);
    e->description = newString(description);
    e->code = code;
    return e;
}

const std::string &text(id self, SEL op, id string) {
    NSString *s = expect(self, op, string, "NSString");
    if (!s->text) wrong(messageName(self, op), "the NSString that was passed was never initialised");
    return *s->text;
}

@implementation NSString

+ (NSString *)stringWithUTF8String:(const char *)text {
    return [newString(text) autorelease];
}

- (id)initWithBytes:(const void *)bytes length:(NSUInteger)length encoding:(NSUInteger)encoding {
    Locked locked;
    if (encoding != utf8Encoding) WRONG("only NSUTF8StringEncoding (4) is supported here, not " + std::to_string(encoding));
    if (text) WRONG("it is initialised twice");
    std::string s((const char *)bytes, length);
    if (units(s) < 0) return [self release], nil;
    text = new std::string(s);
    return self;
}

- (const char *)UTF8String {
    return ::text(self, _cmd, self).c_str();
}

- (NSUInteger)length {
    return units(::text(self, _cmd, self));
}

- (void)dealloc {
    // Overwritten for clients that kept the result of UTF8String.
    if (text) memset(text->data(), '?', text->size());
    delete text;
    [super dealloc];
}

@end

@implementation NSArray

- (NSUInteger)count {
    return objects ? objects->size() : 0;
}

- (id)objectAtIndex:(NSUInteger)index {
    Locked locked;
    if (!objects || index >= objects->size()) WRONG("there is no object " + std::to_string(index));
    return (*objects)[index];
}

- (void)dealloc {
    if (objects)
        for (id o : *objects) [o release];
    delete objects;
    [super dealloc];
}

@end

@implementation NSError

- (NSInteger)code {
    return code;
}

- (NSString *)domain {
    return [[domain retain] autorelease];
}

- (NSString *)localizedDescription {
    return [[description retain] autorelease];
}

- (void)dealloc {
    [domain release];
    [description release];
    [super dealloc];
}

@end
