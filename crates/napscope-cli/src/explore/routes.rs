//! What may be asked of the server. Runs, layers, columns and samples are numbers in every address.

use super::assets::ASSETS;
use super::clustering::{Wanted, find};
use super::refusal::Refusal;
use super::run::Run;
use super::selection::Selection;
use super::{channels, export, guard, tell};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Requests that are worked on at once; others wait. With what a layer takes it bounds the memory.
const AT_ONCE: usize = 4;
/// Columns of features that are told of a selection, unless the page asks for fewer.
const CHANNELS: usize = 64;
/// Neighbors that are told of a sample at most.
const NEIGHBORS: usize = 64;

/// What all requests share.
pub(super) struct Shared {
    runs: Vec<Run>,
    turns: Semaphore,
}

type Ask = State<Arc<Shared>>;
type Answer = Result<Response, Refusal>;

/// The server's addresses, behind its guard.
pub(super) fn router(runs: Vec<Run>, guard: guard::Guard) -> Router {
    let largest = runs.iter().map(Run::samples).max().unwrap_or(0);
    let shared = Arc::new(Shared { runs, turns: Semaphore::new(AT_ONCE) });
    let mut router = Router::new()
        .route("/api/runs", get(runs_list))
        .route("/api/runs/{run}", get(run))
        .route("/api/runs/{run}/columns/{column}", get(column))
        .route("/api/runs/{run}/samples/{sample}", get(sample))
        .route("/api/runs/{run}/search", get(search))
        .route("/api/runs/{run}/ood", get(evaluations))
        .route("/api/runs/{run}/pictures/{sample}", get(picture))
        .route("/api/runs/{run}/average", post(average))
        .route("/api/runs/{run}/layers/{layer}", get(layer))
        .route("/api/runs/{run}/layers/{layer}/projections/{projection}", get(projection))
        .route("/api/runs/{run}/layers/{layer}/clustering", get(clustering))
        .route("/api/runs/{run}/layers/{layer}/features/{column}", get(feature))
        .route("/api/runs/{run}/layers/{layer}/channels", post(contrasts))
        .route("/api/runs/{run}/layers/{layer}/neighbors/{sample}", get(neighbors))
        .route("/api/runs/{run}/layers/{layer}/export", post(table))
        .with_state(shared);
    for (address, media, text) in ASSETS {
        router = router.route(address, get(move || async move { ([(header::CONTENT_TYPE, media)], text) }));
    }
    router
        .fallback(|| async { Refusal::missing("page") })
        .layer(DefaultBodyLimit::max(largest.div_ceil(8) + 1))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::check))
}

/// Does work of a run on a thread of its own, when it is its turn.
async fn work<R: Send + 'static>(
    shared: Arc<Shared>,
    run: usize,
    work: impl FnOnce(&Run) -> Result<R, Refusal> + Send + 'static,
) -> Result<R, Refusal> {
    let stopped = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops");
    // Held by the work itself: one whose page has gone away still counts until it is done.
    let turn = Arc::clone(&shared);
    let turn = turn.turns.acquire().await.map_err(stopped)?;
    turn.forget();
    let done = tokio::task::spawn_blocking(move || {
        let _turn = Returned(&shared.turns);
        work(shared.runs.get(run).ok_or_else(|| Refusal::missing("run"))?)
    });
    done.await
        .unwrap_or_else(|_| Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a bug in napscope: please report it")))
}

/// Gives a turn back, whatever happens.
struct Returned<'a>(&'a Semaphore);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn binary(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}

async fn runs_list(State(shared): Ask) -> Response {
    let told = |run: &Run| serde_json::json!({ "name": run.name, "samples": run.samples(), "layers": run.report.layers.len() });
    json(&shared.runs.iter().map(told).collect::<Vec<_>>())
}

async fn run(State(shared): Ask, Path(run): Path<usize>) -> Answer {
    Ok(json(&work(shared, run, |run| Ok(tell::run(run))).await?))
}

async fn column(State(shared): Ask, Path((run, column)): Path<(usize, usize)>) -> Answer {
    Ok(binary(work(shared, run, move |run| tell::column(run, column)).await?))
}

async fn sample(State(shared): Ask, Path((run, sample)): Path<(usize, usize)>) -> Answer {
    Ok(json(&work(shared, run, move |run| tell::sample(run, sample)).await?))
}

#[derive(Deserialize)]
struct Searched {
    q: String,
}

async fn search(State(shared): Ask, Path(run): Path<usize>, Query(Searched { q }): Query<Searched>) -> Answer {
    if q.len() > 200 {
        return Err(Refusal::bad("a search takes at most 200 bytes"));
    }
    Ok(json(&work(shared, run, move |run| Ok(tell::search(run, &q))).await?))
}

async fn evaluations(State(shared): Ask, Path(run): Path<usize>) -> Answer {
    Ok(json(&work(shared, run, tell::evaluations).await?))
}

async fn picture(State(shared): Ask, Path((run, sample)): Path<(usize, usize)>) -> Answer {
    let found =
        work(shared, run, move |run| Ok(run.pictures.as_ref().and_then(|pictures| pictures.png(sample)))).await?;
    Ok(png(found.ok_or_else(|| Refusal::missing("picture"))?))
}

fn png(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "image/png")], bytes).into_response()
}

async fn average(State(shared): Ask, Path(run): Path<usize>, bits: Bytes) -> Answer {
    let found = work(shared, run, move |run| export::average(run, &Selection::new(&bits, run.samples())?));
    Ok(png(found.await?))
}

async fn layer(State(shared): Ask, Path((run, layer)): Path<(usize, usize)>) -> Answer {
    Ok(json(&work(shared, run, move |run| Ok(tell::layer(&*run.layer(layer)?))).await?))
}

async fn projection(State(shared): Ask, Path((run, layer, at)): Path<(usize, usize, usize)>) -> Answer {
    Ok(binary(work(shared, run, move |run| tell::projection(&*run.layer(layer)?, at)).await?))
}

async fn feature(State(shared): Ask, Path((run, layer, column)): Path<(usize, usize, usize)>) -> Answer {
    Ok(binary(work(shared, run, move |run| tell::feature(run, layer, column)).await?))
}

async fn clustering(State(shared): Ask, Path((run, at)): Path<(usize, usize)>, Query(wanted): Query<Wanted>) -> Answer {
    let block = work(shared, run, move |run| clustering_block(run, at, &wanted));
    Ok(binary(block.await?))
}

/// The patterns of a layer for the page, see [`super::clustering`].
pub(super) fn clustering_block(run: &Run, at: usize, wanted: &Wanted) -> Result<Vec<u8>, Refusal> {
    let layer = run.layer(at)?;
    let found = find(&layer, run.recipe()?, wanted)?;
    Ok(found.encode(&found.command(run, at)?)?)
}

#[derive(Deserialize)]
struct Most {
    most: Option<usize>,
}

async fn contrasts(
    State(shared): Ask,
    Path((run, at)): Path<(usize, usize)>,
    Query(Most { most }): Query<Most>,
    bits: Bytes,
) -> Answer {
    let found = work(shared, run, move |run| {
        let selection = Selection::new(&bits, run.samples())?;
        let embedded = run.embedded(at)?;
        Ok(channels::contrasts(&embedded.features, &selection, most.unwrap_or(CHANNELS).min(CHANNELS)))
    });
    Ok(json(&found.await?))
}

#[derive(Deserialize)]
struct Near {
    k: Option<usize>,
    min_cluster_size: Option<usize>,
    epsilon: Option<f64>,
    selection: Option<String>,
}

async fn neighbors(
    State(shared): Ask,
    Path((run, at, sample)): Path<(usize, usize, usize)>,
    Query(Near { k, min_cluster_size, epsilon, selection }): Query<Near>,
) -> Answer {
    let wanted = Wanted { min_cluster_size, epsilon, selection };
    let k = k.unwrap_or(12).min(NEIGHBORS);
    Ok(json(&work(shared, run, move |run| tell::neighbors(run, at, sample, k, &wanted)).await?))
}

#[derive(Deserialize)]
struct Taken {
    format: String,
    min_cluster_size: Option<usize>,
    epsilon: Option<f64>,
    selection: Option<String>,
}

async fn table(
    State(shared): Ask,
    Path((run, at)): Path<(usize, usize)>,
    Query(Taken { format, min_cluster_size, epsilon, selection }): Query<Taken>,
    bits: Bytes,
) -> Answer {
    let wanted = Wanted { min_cluster_size, epsilon, selection };
    let taken =
        work(shared, run, move |run| export::table(run, at, &Selection::new(&bits, run.samples())?, &wanted, &format));
    let (media, bytes) = taken.await?;
    Ok(([(header::CONTENT_TYPE, media)], bytes).into_response())
}
