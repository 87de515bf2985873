// The whole way of a request's outcome, on one core: HAProxy's record is parsed, counted into the
// windows and shown to the sequential judge, which counts its slices.

#include "gateway/outcome_batch.h"
#include "metrics/request_windows.h"
#include "metrics/sequential_source.h"
#include "ports/manual_loop.h"
#include "store/memory.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

namespace serin {

namespace {

constexpr int records_in_all = 1 << 17;
constexpr int records_a_batch = 256;
constexpr std::int64_t record_every_us = 50;  // 20,000 requests a second.
constexpr std::int64_t begin_us = 1'770'000'000'000'000;

// A shop of 20 routes and a canary at 5 %, both healthy.
std::string record(int number, bool is_observed) {
    const unsigned dice = static_cast<unsigned>(number) * 2654435761U >> 4U;
    const bool is_canary = dice % 20 == 0;
    const char* revision = is_canary ? "7c9d8" : "5b4f6";
    std::string text = fmt::format(
        "{}\t{}\tedge-http\tdefault/shop/0\tdefault.shop-{}.80\t{}:shop-{}-{}\t{}\t{}\t{}\t----\t0"
        "\t6f1c2a34-{:04x}-4d11-9a2e-000000000000",
        is_observed ? "E2" : "E1",
        number,
        is_canary ? "canary" : "stable",
        revision,
        revision,
        (dice >> 8U) % 4,
        (dice >> 12U) % 997 == 0 ? 503 : 200,
        8000 + (dice >> 10U) % 9000,
        begin_us + number * record_every_us,
        number & 0xFFFF);
    if (is_observed) {
        text += fmt::format(
            "\t{:016X}\tx-client-version=3.{}\tx-checkout=ok",
            0x1234567ULL * (1 + dice % 5000),
            (dice >> 6U) % 5);
    }
    return text + fmt::format("\tGET\t/api/r{}/{}\n", char('a' + (dice >> 16U) % 20), number);
}

void judge(benchmark::State& bench, bool is_observed) {
    std::vector<std::string> batches;
    for (int i = 0; i < records_in_all; ++i) {
        if (i % records_a_batch == 0) batches.emplace_back();
        batches.back() += record(i, is_observed);
    }
    std::int64_t judged = 0;
    while (bench.KeepRunningBatch(records_in_all)) {
        bench.PauseTiming();
        ManualLoop loop(Instant(std::chrono::milliseconds(begin_us / 1000)));
        store::MemoryStore store(loop);
        metrics::RequestWindows windows(loop);
        metrics::ReleaseRequests requests(loop, store, windows);
        metrics::SequentialSource source(loop, requests);
        gateway::RecordReader reader;
        const auto measurement = source.measure(
            {.provider = "serin/sequential",
             .config = {},
             .ns = "default",
             .run = "run",
             .run_uid = "run",
             .started = loop.now(),
             .now = loop.now(),
             .candidate = {.revision = "7c9d8", .service = "shop-canary"},
             .stable = {.revision = "5b4f6", .service = "shop-stable"},
             .release = {.type = &types::rollout(), .ns = "default", .name = "shop"},
             .release_uid = "shop",
             .is_beside_steps = true},
            [&](const Result<MetricSample>& sample) {
                bench.SkipWithError(sample ? sample->summary.c_str() : "not measured");
            });
        bench.ResumeTiming();
        for (const std::string& batch : batches) {
            reader.take(batch, requests);
            loop.advance(Duration(records_a_batch * record_every_us / 1000));
        }
        judged += records_in_all;
    }
    bench.SetItemsProcessed(judged);
}

BENCHMARK_CAPTURE(judge, plain, false);
BENCHMARK_CAPTURE(judge, with_observed_headers, true);

}  // namespace

}  // namespace serin
