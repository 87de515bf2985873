// The way of a request's outcome: HAProxy's record is parsed and counted into the windows.

#include "gateway/log_line.h"
#include "metrics/request_windows.h"
#include "ports/manual_loop.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace serin {

namespace {

constexpr int lines_count = 4096;

// Records as the gateway's log-format writes them: two revisions, mostly fine, some slow.
std::vector<std::string> records() {
    std::vector<std::string> lines;
    for (int i = 0; i < lines_count; ++i) {
        const bool is_canary = i % 20 == 0;
        lines.push_back(fmt::format(
            "E1\t{}\tedge-http\tdefault/shop/0\t"
            "default.shop-{}.80\t{}:shop-{}-x7k2p\t{}\t{}\t{}\t----\t0"
            "\t6f1c2a34-{:04x}-4d11-9a2e-000000000000\tGET\t/products/{}",
            i,
            is_canary ? "canary" : "stable",
            is_canary ? "7c9d8" : "5b4f6",
            is_canary ? "7c9d8" : "5b4f6",
            i % 97 == 0 ? 503 : 200,
            8000 + (i * 37) % 9000,
            1'770'000'000'000'000LL + i * 250LL,
            i,
            i % 50));
    }
    return lines;
}

void parse(benchmark::State& state) {
    const auto lines = records();
    size_t next = 0;
    for (auto _ : state) {
        gateway::LogLine line;
        if (!gateway::parse_log_line(lines[next++ % lines_count], line)) {
            state.SkipWithError("the record is not what the gateway writes");
        }
        benchmark::DoNotOptimize(line);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse);

void parse_and_count(benchmark::State& state) {
    const auto lines = records();
    ManualLoop loop;
    metrics::RequestWindows windows(loop);
    std::vector<gateway::LogLine> parsed(256);
    std::vector<RequestOutcome> batch;
    size_t next = 0;
    for (auto _ : state) {
        batch.clear();
        for (gateway::LogLine& line : parsed) {
            if (!gateway::parse_log_line(lines[next++ % lines_count], line)) {
                state.SkipWithError("the record is not what the gateway writes");
                break;
            }
            batch.push_back(line.outcome);
        }
        windows.take(batch);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(parsed.size()));
}
BENCHMARK(parse_and_count);

}  // namespace

}  // namespace serin
