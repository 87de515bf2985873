#include "kubernetes/informer.h"

#include "base/log.h"
#include "kubernetes/path.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace serin::kubernetes {

namespace {

using namespace std::chrono_literals;

constexpr Duration list_timeout = 60s;
// The API ends a watch after its own time; one that is still there a while later is dead.
constexpr int watch_seconds_max = 290;
// An API server that starts may take a watch and never tell it anything: what it serves is made
// anew while it reads its definitions. So the first watches after a failure are short.
constexpr int watch_seconds_first = 5;
constexpr Duration watch_patience = 30s;  // Beyond the time that was asked for.
constexpr Duration absent_retry = 30s;
constexpr Duration retry_first = 250ms;
constexpr Duration retry_last = 30s;
// For so many answers, about a minute long, a type that was served is not believed to be gone: an
// API server that starts does not know it yet.
constexpr int absent_answers = 8;
// After so many watches that ended as they began, all is listed: whatever the API has against the
// version that is asked for, it may not have been told in a way that is understood.
constexpr int futile_watches = 8;

// What is none, taken for one, would say that all objects are gone.
bool is_list(const json::Value& page) {
    const json::Value* items = json::find(page, "/items");
    const auto version = json::text(json::find(page, "/metadata/resourceVersion"));
    return items != nullptr && (items->is_array() || items->is_null()) && version &&
           !version->empty();
}

}  // namespace

Object object_from(json::Value item, const ResourceType& type) {
    if (!item.is_object()) return {};
    json::Object document = std::move(item.get_object());
    if (!document.contains("kind")) document["kind"] = json::string(type.kind);
    if (!document.contains("apiVersion")) document["apiVersion"] = type.api_version();
    Object object(std::move(document));
    object.erase("/metadata/managedFields");
    return object;
}

Informer::Informer(Api& api, TypeCache& cache, ListQuery selection, bool is_optional)
    : api_(api),
      cache_(cache),
      selection_(std::move(selection)),
      watch_seconds_(watch_seconds_first),
      is_optional_(is_optional) {}

void Informer::start(std::function<void()> on_synced) {
    on_synced_ = std::move(on_synced);
    relist();
}

void Informer::again(Duration delay, std::function<void()> task) {
    ++turn_;
    timer_ = api_.loop().after(delay, std::move(task));
}

Duration Informer::backoff() {
    const int doublings = std::min(failures_++, 10);
    return std::max(std::min(retry_last, retry_first * (1 << doublings)), api_.patience());
}

// Where a watch stood is forgotten now and then, and all is listed at once. An API that forgets
// what it has just listed is not asked for that again and again.
Duration Informer::relist_delay() {
    const int before = forgotten_++;
    if (before == 0) return Duration(0);
    return std::min(retry_last, retry_first * (1 << std::min(before - 1, 10)));
}

void Informer::report(std::string_view event, const Error& error) {
    log::warning(
        event,
        {{"type", selection_.type->plural},
         {"namespace", selection_.ns},
         {"error", error.message},
         {"failures", failures_}});
}

void Informer::relist() {
    present_.clear();
    ++lists_;
    list("");
}

std::string Informer::path(std::vector<std::pair<std::string_view, std::string>> parameters) const {
    parameters.emplace_back("labelSelector", selection_.labels.to_string());
    parameters.emplace_back("fieldSelector", selection_.fields.to_string());
    return collection_path(*selection_.type, selection_.ns) + query_text(parameters);
}

void Informer::list(const std::string& continue_at) {
    ++turn_;
    call_ = api_.stream(
        path({{"limit", "500"}, {"continue", continue_at}}),
        list_timeout,
        nullptr,
        [this](Result<HttpResponse> answer) { listed(std::move(answer)); });
}

void Informer::listed(Result<HttpResponse> answer) {
    Result<json::Value> page =
        answer ? json::parse(answer->body) : std::unexpected(std::move(answer).error());
    if (page && !is_list(*page)) page = fail(ErrorKind::invalid, "the answer is no list");
    if (!page) {
        const bool is_believed = version_.empty() || failures_ >= absent_answers;
        const bool is_denied = is_optional_ && page.error().kind == ErrorKind::denied;
        if ((page.error().kind == ErrorKind::not_found || is_denied) && is_believed) {
            is_denied_ = is_denied;
            // No such type here, which is no failure: routes and the like come with add-ons.
            cache_.retain(selection_.ns, {}, "18446744073709551615");
            version_.clear();
            failures_ = 0;
            synced();
            return again(absent_retry, [this] { relist(); });
        }
        report("list_failed", page.error());
        return again(backoff(), [this] { relist(); });
    }
    const json::Value* items = json::find(*page, "/items");
    if (items->is_array()) {
        for (json::Value& item : page->get_object()["items"].get_array()) {
            Object object = object_from(std::move(item), *selection_.type);
            present_.emplace(object.ns(), object.name());
            cache_.put(std::move(object));
        }
    }
    if (const auto next = json::text(json::find(*page, "/metadata/continue")).value_or("");
        !next.empty()) {
        return list(std::string(next));
    }
    version_ = json::text(json::find(*page, "/metadata/resourceVersion")).value_or("");
    failures_ = 0;
    is_denied_ = false;
    cache_.retain(selection_.ns, std::exchange(present_, {}), version_);
    synced();
    watch();
}

void Informer::synced() {
    is_synced_ = true;
    if (const auto told = std::exchange(on_synced_, nullptr)) told();
}

void Informer::watch() {
    const std::int64_t turn = ++turn_;
    watch_began_ = api_.loop().now();
    call_ = api_.stream(
        path(
            {{"watch", "true"},
             {"allowWatchBookmarks", "true"},
             {"resourceVersion", version_},
             {"timeoutSeconds", std::to_string(watch_seconds_)}}),
        std::chrono::seconds(watch_seconds_) + watch_patience,
        [this, turn](std::string_view line) {
            if (turn == turn_) take(line);
        },
        // An event that is an error ends the watch: what it asked for must not be overruled by the
        // end of the stream, which comes in the same breath.
        [this, turn](const Result<HttpResponse>& answer) {
            if (turn == turn_) watch_ended(answer);
        });
}

void Informer::take(std::string_view line) {
    auto news = json::parse(line);
    const auto kind = news ? json::text(json::find(*news, "/type")).value_or("") : "";
    if (!news || kind.empty() || json::object(json::find(*news, "/object")) == nullptr) {
        report("watch_unreadable", {ErrorKind::invalid, "a line of the watch is no event"});
        return again(backoff(), [this] { relist(); });
    }
    if (kind == "ERROR") {
        const auto code = json::integer(json::find(*news, "/object/code")).value_or(0);
        if (code != 410) {
            report(
                "watch_failed",
                {ErrorKind::unavailable,
                 std::string(json::text(json::find(*news, "/object/message")).value_or(""))});
        }
        return again(code == 410 ? relist_delay() : backoff(), [this] { relist(); });
    }
    failures_ = 0;
    forgotten_ = 0;
    const bool is_bookmark = kind == "BOOKMARK";
    const bool is_removal = kind == "DELETED";
    Object object = object_from(std::move(news->get_object()["object"]), *selection_.type);
    version_ = object.resource_version();
    if (is_bookmark) return;
    if (is_removal) return cache_.erase(object);
    cache_.put(std::move(object));
}

void Informer::watch_ended(const Result<HttpResponse>& answer) {
    if (answer) {
        watch_seconds_ = std::min(2 * watch_seconds_, watch_seconds_max);
        // In its time, or because the API server is leaving: not faster than one a second.
        if (api_.loop().now() >= watch_began_ + 1s) failures_ = forgotten_ = 0;
        if (failures_ >= futile_watches) return again(backoff(), [this] { relist(); });
        return again(failures_ == 0 ? 50ms : backoff(), [this] {
            ++failures_;
            watch();
        });
    }
    if (answer.error().kind == ErrorKind::gone || answer.error().kind == ErrorKind::not_found) {
        if (answer.error().kind == ErrorKind::not_found) watch_seconds_ = watch_seconds_first;
        return again(relist_delay(), [this] { relist(); });
    }
    watch_seconds_ = watch_seconds_first;
    report("watch_failed", answer.error());
    again(backoff(), [this] { watch(); });
}

}  // namespace serin::kubernetes
