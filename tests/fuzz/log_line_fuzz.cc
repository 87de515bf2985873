// Records of HAProxy, whose paths and methods come from strangers.

#include "base/check.h"
#include "gateway/log_line.h"

#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line = serin::fuzz::text_of(data, size);
    serin::gateway::LogLine read;
    if (!serin::gateway::parse_log_line(line, read) || !read.has_route) return 0;
    // The outcome's texts are views: they lie within the line.
    for (const std::string_view part :
         {read.frontend, read.outcome.route, read.outcome.pod, read.outcome.path}) {
        SERIN_CHECK(part.size() <= line.size());
        SERIN_CHECK(
            part.empty() ||
            (part.data() >= line.data() && part.data() + part.size() <= line.data() + line.size()));
    }
    return 0;
}
