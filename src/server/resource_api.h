#pragma once

#include "net/http_server.h"
#include "ports/admission.h"
#include "ports/event_loop.h"
#include "ports/log_source.h"
#include "ports/object_store.h"
#include "server/media.h"
#include "server/sessions.h"
#include "server/writer.h"

#include <memory>

namespace serin::server {

// Objects over HTTP, as the Kubernetes API has them: "/api/v1/..." and "/apis/...".
class ResourceApi {
public:
    ResourceApi(
        EventLoop& loop,
        ObjectStore& store,
        const Admission& admission,
        LogSource& logs,
        ApplyPatch apply_patch);

    void handle(
        const net::HttpServerRequest& request,
        const std::shared_ptr<net::HttpResponder>& responder);
    // Ends all watches and logs.
    void stop() { sessions_.clear(); }
    size_t session_count() const { return sessions_.count(); }

private:
    struct Call;  // One request, with what was read of it.
    using Response = Answer<net::HttpServerResponse>;

    Response answer(const Call& call);
    Response answer_collection(const Call& call);
    Response answer_object(const Call& call);
    Response answer_scale(const Call& call);
    Response list(const Call& call);
    Response get(const Call& call);
    Response create(const Call& call);
    Response replace(const Call& call);
    Response patch(const Call& call);
    Response remove(const Call& call);
    Response remove_collection(const Call& call);
    Response evict(const Call& call);
    void watch(const Call& call, net::HttpResponder& responder);
    Response show(const Call& call, const Written& written, int status);

    EventLoop& loop_;
    ObjectStore& store_;
    LogSource& logs_;
    Writer writer_;
    Sessions sessions_;
};

}  // namespace serin::server
