-- +goose Up
-- Search whose cost does not grow with the catalog. An inverted index of PostgreSQL
-- gives all rows that have a word or none of them, so that a word of every product
-- costs as much as there are products. Here each word of a text has a row, in the
-- order in which a search shows the products: a page reads as far as it has to.

create table product_word (
    market text             not null,
    locale text             not null,
    word   text collate "C" not null,
    tier   smallint         not null check (tier between 0 and 3),
    place  integer          not null,
    slug   text             not null,
    primary key (market, locale, word, tier, place, slug)
);
comment on table product_word is 'class: public; the products that have a word, in the order in which a search shows them: tier 0 has it in its name, 1 at the end of a word of its name, 2 in its description, 3 in its ingredients; written by triggers alone';

-- The words of a text, each with the best tier it has there.
create function search_tiers(words tsvector) returns table (word text, tier smallint) language sql immutable strict parallel safe rows 20 as $$
    select lexeme, min(case weight when 'A' then 0 when 'D' then 1 when 'B' then 2 else 3 end)::smallint
      from unnest(words) u (lexeme, positions, weights), unnest(weights) weight group by lexeme
$$;

insert into product_word
select t.market, t.locale, w.word, w.tier, p.place, t.slug
  from product_text t join product p using (market, slug), search_tiers(t.words) w;

-- +goose StatementBegin
-- Texts that change, and products that change their place, change their rows. Who
-- does either has the product's row locked, so that two at once do it in turn.
create function product_text_words() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare at integer;
begin
    if tg_op <> 'INSERT' then
        select place into at from product where market = old.market and slug = old.slug for no key update;
        delete from product_word p using search_tiers(old.words) w
         where (p.market, p.locale, p.word, p.tier, p.place, p.slug) = (old.market, old.locale, w.word, w.tier, at, old.slug);
    end if;
    if tg_op <> 'DELETE' then
        select place into at from product where market = new.market and slug = new.slug for no key update;
        insert into product_word select new.market, new.locale, w.word, w.tier, at, new.slug from search_tiers(new.words) w;
    end if;
    return null;
end
$$;

create function product_place_words() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    delete from product_word p using product_text t, search_tiers(t.words) w
     where (t.market, t.slug) = (old.market, old.slug)
       and (p.market, p.locale, p.word, p.tier, p.place, p.slug) = (t.market, t.locale, w.word, w.tier, old.place, t.slug);
    if tg_op = 'DELETE' then
        return old;
    end if;
    insert into product_word select t.market, t.locale, w.word, w.tier, new.place, t.slug
      from product_text t, search_tiers(t.words) w where (t.market, t.slug) = (new.market, new.slug);
    return null;
end
$$;
-- +goose StatementEnd

revoke execute on function product_text_words(), product_place_words() from public;

create trigger product_words_new after insert or delete on product_text for each row execute function product_text_words();
create trigger product_words_changed after update on product_text for each row
    when ((old.market, old.slug, old.locale, old.words) is distinct from (new.market, new.slug, new.locale, new.words)) execute function product_text_words();
create trigger product_words_moved after update of place on product for each row when (old.place <> new.place) execute function product_place_words();
create trigger product_words_gone before delete on product for each row execute function product_place_words();

-- The functions of languages in PL/pgSQL, which keeps their plans: in SQL each call
-- made them anew, which took most of the time of a search and of writing a text.
-- +goose StatementBegin
create or replace function search_config(locale text) returns regconfig language plpgsql immutable strict parallel safe as $$
begin
    return (case split_part(locale, '-', 1)
        when 'ar' then 'arabic' when 'da' then 'danish' when 'de' then 'german' when 'el' then 'greek' when 'en' then 'english'
        when 'es' then 'spanish' when 'fi' then 'finnish' when 'fr' then 'french' when 'hi' then 'hindi' when 'hu' then 'hungarian'
        when 'id' then 'indonesian' when 'it' then 'italian' when 'nl' then 'dutch' when 'no' then 'norwegian' when 'pt' then 'portuguese'
        when 'ro' then 'romanian' when 'ru' then 'russian' when 'sv' then 'swedish' when 'ta' then 'tamil' when 'tr' then 'turkish'
        else 'simple' end)::regconfig;
end
$$;

create or replace function search_runs(locale text, words text) returns text[] language plpgsql immutable strict parallel safe as $$
declare runs text[];
begin
    runs := array(select m[1] from regexp_matches(search_fold(words), case when search_unspaced(locale) then '[a-z0-9]+|[^\u0001-\u007f\u2000-\u206f\u3000-\u303f\u30fb]+'
        else '[^\u0001-\u002f\u003a-\u0060\u007b-\u007f\u00a0\u00ab\u00b7\u00bb\u2000-\u206f\u0964\u0965]+' end, 'g') m);
    if split_part(locale, '-', 1) = 'de' then
        runs := array(select replace(replace(replace(run, 'ae', 'a'), 'oe', 'o'), 'ue', 'u') from unnest(runs) run);
    end if;
    return runs;
end
$$;

create or replace function search_pairs(run text) returns text[] language plpgsql immutable strict parallel safe as $$
begin
    if run ~ '^[a-z0-9]' then
        return array[run];
    end if;
    return array(select substr(run, i, 2) from generate_series(1, length(run)) i);
end
$$;

create or replace function search_vector(locale text, words text) returns tsvector language plpgsql immutable strict parallel safe as $$
begin
    if search_unspaced(locale) then
        return to_tsvector('simple', coalesce((select string_agg(array_to_string(search_pairs(run), ' '), ' ') from unnest(search_runs(locale, words)) run), ''));
    end if;
    return to_tsvector(search_config(locale), array_to_string(search_runs(locale, words), ' '));
end
$$;

create or replace function search_ends(locale text, words text) returns tsvector language plpgsql immutable strict parallel safe as $$
begin
    if split_part(locale, '-', 1) not in ('de', 'nl', 'sv', 'da', 'no', 'fi') then
        return '';
    end if;
    return to_tsvector(search_config(locale), coalesce((
        select string_agg(substr(run, i), ' ') from unnest(search_runs(locale, words)) run, generate_series(2, length(run) - 3) i), ''));
end
$$;

-- No mark of market and locale any longer: nobody asks for it.
create or replace function search_words(market text, locale text, name text, description text, ingredients text) returns tsvector language plpgsql immutable strict parallel safe as $$
begin
    return setweight(search_vector(locale, name), 'A') || setweight(search_vector(locale, description), 'B')
        || setweight(search_vector(locale, ingredients), 'C') || setweight(search_ends(locale, name), 'D');
end
$$;

-- One run of a question; null for a word that says nothing.
create or replace function search_term(locale text, run text, last boolean) returns tsquery language plpgsql immutable strict parallel safe as $$
declare term tsquery;
begin
    if search_unspaced(locale) and run !~ '^[a-z0-9]' then
        if length(run) = 1 then
            return (quote_literal(run) || ':*')::tsquery;
        end if;
        return (select string_agg(quote_literal(pair), ' & ')::tsquery from unnest((search_pairs(run))[:length(run) - 1]) pair);
    end if;
    if to_tsvector(search_config(locale), run) = '' then
        return null;
    end if;
    if last then
        return to_tsquery(search_config(locale), quote_literal(run) || ':*') || (quote_literal(run) || ':*')::tsquery;
    end if;
    return to_tsquery(search_config(locale), quote_literal(run));
end
$$;

-- What is asked of the texts of one locale by the runs of a question. Null when
-- nothing is asked.
drop function search_query(text, text[], text);
create function search_query(locale text, runs text[]) returns tsquery language plpgsql immutable strict parallel safe as $$
declare term tsquery; asked tsquery;
begin
    for n in 1 .. cardinality(runs) loop
        term := search_term(locale, runs[n], n = cardinality(runs));
        asked := coalesce(asked && term, asked, term);
    end loop;
    return asked;
end
$$;

-- The words to look for products by: of each part of a question they have one, or,
-- where it is open, one that begins with it. Sixteen parts at most, open ones last:
-- what is found by one of them is compared with the whole question.
create function search_keys(locale text, runs text[]) returns table (starts text[], open boolean) language plpgsql immutable strict parallel safe rows 3 as $$
declare run text; paired boolean; words text[]; parts integer := 0;
begin
    for n in 1 .. cardinality(runs) loop
        run := runs[n];
        paired := search_unspaced(locale) and run !~ '^[a-z0-9]';
        if paired and length(run) > 1 then
            return query select array[pair], false from unnest((search_pairs(run))[:least(length(run) - 1, 16 - parts)]) pair;
            parts := least(16, parts + length(run) - 1);
        elsif not paired and n < cardinality(runs) and parts < 16 then
            words := tsvector_to_array(to_tsvector(search_config(locale), run));
            continue when words = '{}';
            return query select words, false;
            parts := parts + 1;
        end if;
    end loop;
    words := tsvector_to_array(to_tsvector(search_config(locale), run)); -- of the last run
    if paired and length(run) = 1 then
        return query select array[run], true;
    elsif not paired and words <> '{}' then
        return query select words || run, true;
    end if;
end
$$;

-- The first words of a locale that begin with one of some, not more than so many.
create function search_begun(of_market text, of_locale text, starts text[], most integer) returns text[] language plpgsql stable strict parallel safe as $$
declare start text; beyond text; next text; begun text[] := '{}';
begin
    foreach start in array array(select distinct a.start from unnest(starts) a (start)
            where not exists (select from unnest(starts) b (start) where b.start <> a.start and starts_with(a.start, b.start))) loop
        next := start; beyond := start || U&'\+10FFFF';
        select p.word into next from product_word p where p.market = of_market and p.locale = of_locale and p.word >= next and p.word < beyond order by p.word limit 1;
        while next is not null and cardinality(begun) < most loop
            begun := begun || next;
            select p.word into next from product_word p where p.market = of_market and p.locale = of_locale and p.word > next and p.word < beyond order by p.word limit 1;
        end loop;
    end loop;
    return begun;
end
$$;

-- The next rows of some words behind a place in their order, looks at most.
create function search_ahead(of_market text, of_locale text, words text[], from_tier integer, from_place integer, from_slug text, looks integer)
    returns table (tier smallint, place integer, slug text) language sql stable parallel safe as $$
    select distinct p.tier, p.place, p.slug from unnest(words) w (word) cross join lateral (
        select p.tier, p.place, p.slug from product_word p
         where p.market = of_market and p.locale = of_locale and p.word = w.word and (p.tier, p.place, p.slug) > (from_tier, from_place, from_slug)
         order by p.tier, p.place, p.slug limit looks) p
     order by p.tier, p.place, p.slug limit looks
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The part of a question that the fewest products have, as the words to find them
-- by, and how many rows these have, counted as far as looks + 1. A beginning stands
-- for the first 32 words that have it, and counts as more than can be looked at
-- where there are more.
create function search_way(of_market text, of_locale text, runs text[], looks integer, out words text[], out size integer)
    language plpgsql stable parallel safe as $$
declare k record; these text[]; n integer;
begin
    for k in select * from search_keys(of_locale, runs) loop
        these := case when k.open then search_begun(of_market, of_locale, k.starts, 33) else k.starts end;
        if cardinality(these) > 32 then
            n := looks + 1;
        else
            select count(*) into n from (
                select from unnest(these) s (word) cross join lateral (
                    select from product_word p where p.market = of_market and p.locale = of_locale and p.word = s.word limit looks + 1) p
                 limit least(size, looks + 1)) p;
        end if;
        if size is null or n < size then
            words := these[:32];
            size := n;
        end if;
        exit when size = 0;
    end loop;
    size := coalesce(size, 0);
end
$$;

-- One page of a search: the products behind a place in its order, and in hits how
-- many there are on all pages, or 0 when they were not counted. Where the part of
-- the question that the fewest have is in no more than looks rows, all of these are
-- looked at and ranked. Else they are read in their order, looks at once; when they
-- do not fill the page and there are more, a row with hits -1 says how far it was
-- looked. In turns, each locale has two millions: the products of the first come
-- before those that only another's words find. Its plans are the same whatever is
-- asked: there is one way to each row.
create function search_page(of_market text, locales text[], question text, at timestamptz,
    after_turn integer, after_place integer, after_slug text, page integer, looks integer)
    returns table (hits integer, turn integer, product text) language plpgsql stable parallel safe rows 50
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    asks tsquery[] := '{}';
    ways text[] := '{}'; -- words
    homes integer[] := '{}'; -- the number of the locale of each
    runs text[]; way record; words text[]; better tsquery[];
    sum integer := 0; base integer; wanted integer := page; got integer;
    from_tier integer; from_place integer; from_slug text;
begin
    for n in 1 .. cardinality(locales) loop
        continue when not exists (select from product_word p where p.market = of_market and p.locale = locales[n]);
        runs := (search_runs(locales[n], question))[:8];
        asks[n] := search_query(locales[n], runs);
        continue when asks[n] is null;
        select * into way from search_way(of_market, locales[n], runs, looks);
        sum := sum + way.size;
        if way.size > 0 then
            ways := ways || way.words;
            homes := homes || array_fill(n, array[cardinality(way.words)]);
        end if;
    end loop;

    if sum <= looks then
        return query select b.hits, b.turn, b.slug from (
            select count(*) over ()::integer as hits, min(c.n * 2000000 - (1000000 * ts_rank('{0.7, 0.2, 0.4, 1}', t.words, asks[c.n]))::integer) as turn, p.place, c.slug
              from (select distinct w.n, x.slug from unnest(ways, homes) w (word, n) cross join lateral (
                        select p.slug from product_word p where p.market = of_market and p.locale = locales[w.n] and p.word = w.word limit looks) x) c
             cross join lateral (select t.words from product_text t where t.market = of_market and t.slug = c.slug and t.locale = locales[c.n] and t.words @@ asks[c.n] offset 0) t
             cross join lateral (select p.place from product p where p.market = of_market and p.slug = c.slug and p.published_from <= at and p.published_until > at offset 0) p
             group by p.place, c.slug) b
         where (b.turn, b.place, b.slug) > (after_turn, after_place, after_slug)
         order by b.turn, b.place, b.slug limit page;
        return;
    end if;

    for n in 1 .. cardinality(locales) loop
        words := array(select w.word from unnest(ways, homes) w (word, home) where w.home = n);
        base := n * 2000000 - 1000000;
        from_tier := greatest(0, ceil((after_turn::bigint - base) / 250000.0));
        continue when words = '{}' or from_tier > 3;
        if after_turn = base + from_tier * 250000 then
            from_place := after_place; from_slug := after_slug;
        else
            from_place := -2147483648; from_slug := '';
        end if;
        select array_agg((select string_agg(quote_literal(w) || ':' || above, '|')::tsquery from unnest(words) w)) into better from unnest(array['A', 'AD', 'ABD']) above;
        return query select 0, base + c.tier * 250000, c.slug
          from search_ahead(of_market, locales[n], words, from_tier, from_place, from_slug, looks) c
         cross join lateral (select t.words from product_text t where t.market = of_market and t.slug = c.slug and t.locale = locales[n] and t.words @@ asks[n] offset 0) t
         cross join lateral (select from product p where p.market = of_market and p.slug = c.slug and p.published_from <= at and p.published_until > at offset 0) p
         where (c.tier = 0 or not t.words @@ better[c.tier])
           and not exists (select from unnest(locales[:n - 1], asks[:n - 1]) e (locale, asked)
                             join product_text t on t.market = of_market and t.slug = c.slug and t.locale = e.locale and t.words @@ e.asked)
         order by c.tier, c.place, c.slug limit wanted;
        get diagnostics got = row_count;
        wanted := wanted - got;
        exit when wanted = 0;
        return query select -1, base + l.tier * 250000, l.slug
          from (select c.*, count(*) over () as seen from search_ahead(of_market, locales[n], words, from_tier, from_place, from_slug, looks) c
                 order by c.tier desc, c.place desc, c.slug desc limit 1) l
         where l.seen = looks;
        exit when found;
    end loop;
end
$$;
-- +goose StatementEnd

drop index product_text_words;

grant select on product_word to meridian_shop;
